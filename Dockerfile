# The workers and the command line; the servers they talk to are in docker-compose.yml.
FROM python:3.11-slim AS build
WORKDIR /build
RUN python -m venv /opt/handoff
COPY requirements.lock requirements-build.lock ./
RUN /opt/handoff/bin/pip install --no-cache-dir --require-hashes -r requirements.lock
# The build backend, too, is the one that was looked at: pip would fetch the newest.
RUN python -m venv /opt/build && \
    /opt/build/bin/pip install --no-cache-dir --require-hashes -r requirements-build.lock
COPY . .
RUN /opt/build/bin/python -m hatchling build -t wheel -d /tmp/wheel && \
    /opt/handoff/bin/pip install --no-cache-dir --no-deps --no-index /tmp/wheel/*.whl

FROM python:3.11-slim
COPY --from=build /opt/handoff /opt/handoff
ENV PATH=/opt/handoff/bin:$PATH PYTHONUNBUFFERED=1
RUN useradd --system --uid 10001 --home-dir /nonexistent --shell /usr/sbin/nologin handoff
USER 10001
ENTRYPOINT ["handoff"]
CMD ["--help"]
