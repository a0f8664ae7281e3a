"""`python -m tfgan_survey.cli`."""

from tfgan_survey.cli import main

main()
