# Two images: `web`, which manage.py uses too, and `worker`, which beat uses too. Nothing is fetched when they start.
#
#   RUNTIME            what the worker computes with: cpu or gpu
#   MODELS             the networks whose weights come into the worker
#   MODELS_MIRROR_URL  where to fetch them, instead of the published addresses

FROM debian:trixie-slim AS python
# Versions are not pinned: Debian stable changes them for security only.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates python3 \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /app

FROM python AS build
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends python3-pip \
    && rm -rf /var/lib/apt/lists/* \
    && python3 -m venv --without-pip /venv

FROM build AS web-packages
COPY requirements/web.txt .
RUN pip --python=/venv/bin/python install --no-cache-dir --require-hashes --requirement=web.txt

FROM build AS worker-packages
ARG RUNTIME=cpu
COPY requirements/worker-${RUNTIME}.txt worker.txt
RUN pip --python=/venv/bin/python install --no-cache-dir --require-hashes --requirement=worker.txt

# Made from the engine and the catalog alone, so that other changes neither fetch nor ship the weights again.
FROM build AS models
COPY models_store/catalog.toml models_store/
COPY config/__init__.py config/errors.py config/
COPY processing/__init__.py processing/
COPY processing/engine processing/engine
ARG MODELS="u2net u2netp"
ARG MODELS_MIRROR_URL=
RUN python3 -c "import sys, pathlib; from processing.engine.weights import Store; \
store = Store(pathlib.Path('/models'), mirror_url='${MODELS_MIRROR_URL}'); \
[print(store.pull(name).path) for name in sys.argv[1:]]" ${MODELS}

# The int8 files beside the weights, by the recipes that ship.
FROM worker-packages AS models-int8
COPY models_store/catalog.toml models_store/
COPY models_store/int8 models_store/int8
COPY config/__init__.py config/errors.py config/
COPY processing/__init__.py processing/
COPY processing/engine processing/engine
COPY --from=models /models /models
ARG RUNTIME=cpu
RUN [ "${RUNTIME}" = gpu ] || /venv/bin/python -c "import pathlib; from processing.engine.conversions import keep_int8; \
from processing.engine.weights import Store; store = Store(pathlib.Path('/models')); \
[print(keep_int8(store.active(name))) for name in store.installed_models()]"

FROM web-packages AS static-files
COPY . .
RUN SECRET_KEY=- KEY_DIGEST_SECRET=- DATABASE_URL=postgresql: REDIS_URL=redis: \
    /venv/bin/python manage.py collectstatic --no-input

FROM python AS mattery
LABEL org.opencontainers.image.title="Mattery" \
      org.opencontainers.image.description="Background removal as a service"
RUN useradd --uid=10001 --user-group --home-dir=/data --no-create-home --shell=/usr/sbin/nologin mattery \
    && install --directory --owner=mattery --group=mattery --mode=0700 /data
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 DATA_DIR=/data
VOLUME /data
USER 10001

FROM mattery AS web
COPY --from=web-packages /venv /venv
COPY --from=static-files /app/static_root static_root
COPY . .
ENV BIND_HOST=0.0.0.0
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["python", "-c", "\
import os, urllib.request as r; r.urlopen(f'http://127.0.0.1:{os.environ.get(\"PORT\") or 8000}/healthz', timeout=4)"]
CMD ["gunicorn", "--config=config/gunicorn.py", "config.wsgi"]

FROM mattery AS worker
COPY --from=models-int8 /models /models
COPY --from=worker-packages /venv /venv
COPY . .
ENV MODELS_DIR=/models
CMD ["celery", "--app=config.celery", "worker", "--without-gossip", "--without-mingle"]
