FROM debian:bookworm-slim AS build
# Debian keeps one version of a package at a time, so a pinned one would stop to install.
# hadolint ignore=DL3008
RUN apt-get update && apt-get install -y --no-install-recommends python3-venv
WORKDIR /src
COPY requirements.lock ./
RUN python3 -m venv /opt/sidekick \
    && /opt/sidekick/bin/pip install --no-cache-dir --only-binary :all: --require-hashes -r requirements.lock
COPY pyproject.toml README.md ./
COPY sidekick sidekick
COPY outputs outputs
COPY bpf bpf
RUN /opt/sidekick/bin/pip install --no-cache-dir --no-deps --no-index --no-build-isolation .

FROM debian:bookworm-slim
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates iproute2 libbpf1 libnftables1 python3 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 1234 --home-dir /var/lib/sidekick --shell /usr/sbin/nologin sidekick \
    && install -d -o sidekick -g sidekick -m 0700 /var/lib/sidekick /var/lib/sidekick-xdp \
    && install -d -o sidekick -g sidekick -m 0755 /run/sidekick-xdp
COPY --from=build /opt/sidekick /opt/sidekick
ENV PATH=/opt/sidekick/bin:$PATH
USER 1234
# The journal, the dead letters and the store are kept under the working directory, in data/.
WORKDIR /var/lib/sidekick
VOLUME /var/lib/sidekick
EXPOSE 2801 2802
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s \
    CMD ["python3", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:2801/healthz', timeout=2)"]
ENTRYPOINT ["sidekick"]
