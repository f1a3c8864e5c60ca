"""Lessons: text files whose tasks are checked, read and played without a window.

``reader`` reads them, ``language`` holds the checks, ``facts`` what checks may ask, ``actions``
what solutions may do, ``play`` plays a lesson, ``courses`` finds them, ``grading`` reads answers.
"""
