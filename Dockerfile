# syntax=docker/dockerfile:1
#
# The agent's image: the compiled tree, the addon, the eBPF objects and Node; no compiler, no package manager's caches.
#
#   docker build -t fovea .
#   docker run --rm --network host --pid host --cap-drop ALL --cap-add BPF --cap-add PERFMON --cap-add NET_ADMIN fovea
#
# Both stages use the same Debian, so that the addon finds at run time the libbpf that it was built with.

FROM debian:12-slim AS build
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates nodejs npm clang llvm libbpf-dev libelf-dev zlib1g-dev \
      linux-libc-dev g++ cmake ninja-build pkg-config
WORKDIR /fovea
COPY package.json package-lock.json ./
RUN npm install --no-save --include=dev --ignore-scripts --no-audit --no-fund
COPY . .
# npm 9 removes the link to Node (scripts/node-modules.mjs), so it is made again.
# A failed addon is a warning on a laptop; here its absence makes llvm-strip fail: an image without it is of no use.
RUN node scripts/setup.mjs --image \
 && llvm-strip --strip-debug build/native/fovea.node \
 && npm prune --omit=dev --ignore-scripts --no-audit --no-fund \
 && ln -sf "$(cd node_modules/.bin && echo ../node-linux-*/bin/node)" node_modules/.bin/node

FROM debian:12-slim
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates libbpf1 libelf1 zlib1g libstdc++6 \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /fovea
ENV NODE_ENV=production PATH=/fovea/node_modules/.bin:$PATH
COPY --from=build /fovea/package.json /fovea/LICENSE ./
COPY --from=build /fovea/node_modules node_modules
COPY --from=build /fovea/build/native build/native
COPY --from=build /fovea/build/bpf build/bpf
COPY --from=build /fovea/dist/package.json dist/package.json
COPY --from=build /fovea/dist/src dist/src
COPY --from=build /fovea/dist/native dist/native
COPY --from=build /fovea/config config
COPY --from=build /fovea/helm/fovea/crds helm/fovea/crds
# History of flows and queues of exporters, where a configuration keeps them on disk.
VOLUME /var/lib/fovea
EXPOSE 4244 4245 8888 9965 13133
ENTRYPOINT ["node", "--max-semi-space-size=2", "dist/src/main.js"]
CMD ["run", "--config", "config/standalone.yaml"]
