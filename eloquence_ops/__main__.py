"""`python -m eloquence_ops` is the `eloquence` command."""

from eloquence_ops.cli import main

if __name__ == "__main__":
    main()
