"""`python -m tfgan_survey.cli`."""

from tfgan_survey.cli import main

if __name__ == "__main__":
    main()
