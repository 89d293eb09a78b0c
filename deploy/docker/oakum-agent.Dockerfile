# syntax=docker/dockerfile:1
# The agent alone: a static binary, no shell, no user name. The binary is built outside:
#   cargo build --release --target x86_64-unknown-linux-musl -p oakum-agent
#   buildah bud -f deploy/docker/oakum-agent.Dockerfile target/x86_64-unknown-linux-musl/release
FROM scratch
COPY --chmod=0555 oakum-agent /oakum-agent
USER 65532:65532
LABEL org.opencontainers.image.title="oakum-agent" \
      org.opencontainers.image.description="Fetches secrets into memory and keeps them fresh" \
      org.opencontainers.image.licenses="Apache-2.0"
ENTRYPOINT ["/oakum-agent"]
CMD ["run", "--config", "/etc/oakum/agent.yaml"]
