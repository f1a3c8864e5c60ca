"""The window round the canvas: menus, docks, bars and dialogs."""
