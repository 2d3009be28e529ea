# One image for the bot, the workers and the command line; what runs is the command.
FROM python:3.12-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
RUN python -m venv /opt/outcome-runtime
ENV PATH=/opt/outcome-runtime/bin:$PATH
WORKDIR /src
COPY requirements.lock ./
RUN pip install --no-deps --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY bot bot
COPY runtime runtime
COPY workers workers
COPY charts charts
COPY migrations migrations
RUN pip install --no-deps --no-build-isolation .

FROM python:3.12-slim
RUN useradd --system --uid 10001 --create-home --home-dir /var/lib/outcome-runtime outcome
COPY --from=build /opt/outcome-runtime /opt/outcome-runtime
ENV PATH=/opt/outcome-runtime/bin:$PATH PYTHONUNBUFFERED=1 OPENBLAS_NUM_THREADS=1 DATA_DIR=/var/lib/outcome-runtime HOST=0.0.0.0
WORKDIR /var/lib/outcome-runtime
USER outcome
EXPOSE 8700
CMD ["python", "-m", "bot"]
