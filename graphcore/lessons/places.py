"""What of the window a lesson may point at; the tables of the window hold the same names."""

PANEL_NAMES: tuple[str, ...] = (
    "library", "outline", "samples", "inspector", "history", "problems", "import_report",
    "training", "landscape", "walk", "saliency", "what_if", "window", "decision", "activations",
    "results", "health", "sharpness", "histograms", "runs", "compare", "embedding", "race",
    "digit_pad", "maximisation",
)  # fmt: skip
ACTION_NAMES: tuple[str, ...] = (
    "new", "open", "presets", "save", "save_as", "import_net", "open_run", "save_run",
    "load_weights", "class_names", "import_report", "export", "export_report", "export_metrics",
    "export_events", "export_script", "export_program", "export_keras", "export_onnx",
    "open_lesson", "present_lesson", "again_lesson", "new_lesson", "engine", "edit_lesson",
    "grade_answers",
    "preferences", "quit", "undo", "redo", "cut", "copy", "paste", "duplicate", "delete",
    "select_all", "palette", "shortcuts", "fit_all", "fit_selection", "zoom_in", "zoom_out",
    "zoom_reset", "reset_layout", "light", "full_screen", "to_canvas", "to_outline",
    "to_lesson", "add", "add_note", "arrange", "train", "one_step", "one_epoch", "reset",
    "grow_silent", "grow_copies", "grow_noisy", "walk_step", "walk_back", "walk_layer", "walk_pass",
    "walk_play", "walk_stop", "record", "help", "guide", "report_problem", "about", "rename",
    "edit", "connect", "change", "bypass", "freeze", "unfreeze", "rate", "replace_head", "pin",
    "frame", "recolor", "unframe", "group", "ungroup", "enter", "leave", "keep", "align_left",
    "align_top", "spread_row", "spread_column", "delete_and_reconnect", "map",
)  # fmt: skip
