# The image behind web, worker, beat and migrate; docker-compose.yml says which is which.

FROM python:3.11-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/venv
COPY requirements.txt .
RUN /opt/venv/bin/pip install --quiet --require-hashes -r requirements.txt

FROM python:3.11-slim-bookworm
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    LEADFLOW_VAR=/var/lib/leadflow \
    LEADFLOW_HOST=0.0.0.0
RUN useradd --system --uid 10001 --home-dir /var/lib/leadflow --create-home leadflow
COPY --from=build /opt/venv /opt/venv
WORKDIR /app
COPY . .
# A key for this one step, which signs nothing; none stays in the image.
RUN python -m compileall -q . && SECRET_KEY=collectstatic python manage.py collectstatic --noinput --verbosity 0
USER leadflow
EXPOSE 8000
VOLUME /var/lib/leadflow
STOPSIGNAL SIGTERM
CMD ["gunicorn", "-c", "python:leadflow.gunicorn_conf", "leadflow.wsgi"]
