# syntax=docker/dockerfile:1
# The scanner alone: a static binary, no shell, no user name. The binary is built outside:
#   cargo build --release --target x86_64-unknown-linux-musl -p oakum
#   buildah bud -f deploy/docker/oakum.Dockerfile target/x86_64-unknown-linux-musl/release
FROM scratch
COPY --chmod=0555 oakum /oakum
USER 65532:65532
WORKDIR /scan
LABEL org.opencontainers.image.title="oakum" \
      org.opencontainers.image.description="Finds credentials in source trees and container images" \
      org.opencontainers.image.licenses="Apache-2.0"
ENTRYPOINT ["/oakum"]
CMD ["scan", "."]
