"""`relaymilter`, and `python -m relaymilter`."""

from relaymilter.cli import main

if __name__ == "__main__":
    main()
