# docker build -f deploy/training.Dockerfile -t tfgan-survey:latest .
FROM python:3.11-slim
COPY . /source
RUN pip install --no-cache-dir "/source[plots]" && rm -r /source
# For GPUs: pip install "tensorflow[and-cuda]" instead of the plain package.
