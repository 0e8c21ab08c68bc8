"""Pages of the imports: upload, decide, watch, look through the rows, undo."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from leads import clock
from leads.imports import jobs, runner, undo
from leads.imports.errors import refused_rows
from leads.imports.forms import ENCODING_LABELS, OptionsForm, UploadForm
from leads.imports.layouts import LAYOUT_LABELS
from leads.imports.options import Options
from leads.imports.preview import preview
from leads.imports.reading import DELIMITERS, MAX_BYTES, NotReadable, too_large
from leads.imports.words import say
from leads.models import ImportJob, ImportRow, Lead, User
from leads.paging import BadCursor, keyset_page
from leads.permissions import requires

PAGE = 50
SHOWN = 50  # rows of a preview
STATE = ImportJob.State
# What a form adds around the file it sends.
ENVELOPE = 64 * 1024


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user


def _job(request: HttpRequest, pk: int) -> ImportJob:
    return get_object_or_404(ImportJob.objects.visible_to(_user(request)), pk=pk)


@requires("imports")
@require_safe
def imports_page(request: HttpRequest) -> HttpResponse:
    """List what was imported, newest first, and offer an upload."""
    return _list(request, UploadForm())


def _list(request: HttpRequest, form: UploadForm, status: int = 200) -> HttpResponse:
    visible = ImportJob.objects.visible_to(_user(request)).exclude(content_hash="").select_related("by")
    try:
        page = keyset_page(visible, order=("-id",), cursor=request.GET.get("after", ""), size=PAGE)
    except BadCursor as error:
        return HttpResponseBadRequest(str(error))
    context = {
        "form": form,
        "jobs": page.rows,
        **_pager(request, page, f"{len(page.rows)} imports, newest first"),
    }
    return render(request, "leads/import_list.html", context, status=status)


def _pager(request: HttpRequest, page: Any, said: str) -> dict[str, str]:
    def url(cursor: str | None) -> str:
        query = request.GET.copy()
        query.pop("after", None)
        if cursor:
            query["after"] = cursor
        return f"?{query.urlencode()}"

    return {
        "said": said,
        "first_url": url(None) if page.previous else "",
        "previous_url": url(page.previous) if page.previous else "",
        "next_url": url(page.next) if page.next else "",
    }


View = Callable[..., HttpResponseBase]


def _refuse_large(view: View) -> View:
    """Turn a body over the cap away by its announced length, before any of it is read."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        length = request.META.get("CONTENT_LENGTH") or "0"
        if length.isdigit() and int(length) > MAX_BYTES + ENVELOPE and request.user.is_authenticated:
            form = UploadForm({})
            form.errors.clear()
            form.add_error("file", str(too_large()))
            return _list(request, form, status=413)
        return view(request, *args, **kwargs)

    return guarded


# The check against forgery reads the body, so it comes after the one of its length.
@csrf_exempt
@requires("imports")
@_refuse_large
@csrf_protect
@require_POST
def import_upload(request: HttpRequest) -> HttpResponse:
    """Take a file and go on to its preview; what is no list is refused on the same page."""
    form = UploadForm(request.POST, request.FILES)
    if form.is_valid():
        file, by = form.cleaned_data["file"], _user(request)
        kind, at = form.cleaned_data["kind"], clock.now()
        try:
            job = jobs.upload(file.chunks(), filename=file.name, kind=kind, by=by, at=at)
        except NotReadable as error:
            form.add_error("file", str(error))
        else:
            return redirect("leads:import_detail", job.pk)
    return _list(request, form, status=422)


@requires("imports")
@require_http_methods(["GET", "HEAD", "POST"])
def import_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """Show an import as it stands: to be decided on, running, or done."""
    job = _job(request, pk)
    if job.state == STATE.PREVIEW:
        return _decide(request, job)
    if request.htmx:  # type: ignore[attr-defined]
        # 286 tells htmx that there is nothing more to ask for.
        over = job.state not in (STATE.RUNNING, STATE.UNDOING)
        response = render(request, "leads/_import_progress.html", _standing(job), status=286 if over else 200)
        if over:
            response["HX-Refresh"] = "true"
        return response
    return render(request, "leads/import_detail.html", _standing(job))


def _standing(job: ImportJob) -> dict[str, Any]:
    options = Options.of(job)
    counts = [
        (
            result,
            label,
            getattr(job, result),
            f"{reverse('leads:import_rows', args=[job.pk])}?result={result}",
        )
        for result, label in ImportRow.Result.choices
    ]
    return {
        "job": job,
        "options": options,
        "layout": LAYOUT_LABELS.get(options.layout, ""),
        "counts": counts,
        "is_under_way": job.state in (STATE.RUNNING, STATE.UNDOING),
        "undo": options.undo,
        "undo_left": max(job.created + job.updated - sum(options.undo.values()), 0),
    }


def _decide(request: HttpRequest, job: ImportJob) -> HttpResponse:
    """Show mapping and preview; a POST saves what was chosen, and with `start` lets the import run."""
    form = OptionsForm(job, request.POST if request.method == "POST" else None)
    status = 200
    if form.is_bound:
        valid = form.is_valid()
        reread = form.save() if valid else False
        if form.errors:
            status = 422
        elif "start" in request.POST and not reread:
            return _start(request, job)
        if reread:
            form = OptionsForm(job)
    return _show_preview(request, job, form, status)


def _show_preview(request: HttpRequest, job: ImportJob, form: OptionsForm, status: int) -> HttpResponse:
    try:
        found = preview(job)
    except NotReadable as error:
        form.errors.clear()
        messages.error(request, str(error))
        return redirect("leads:imports")
    options = Options.of(job)
    context = {
        "job": job,
        "form": form,
        "columns": form.columns(found.samples),
        "preview": found,
        "shown": [(row, _remarks(row.code, row.detail, row.warnings)) for row in found.rows[:SHOWN]],
        "earlier": jobs.earlier(job),
        "layout": LAYOUT_LABELS.get(options.layout, ""),
        "encoding": ENCODING_LABELS.get(options.encoding, options.encoding),
        "delimiter": DELIMITERS.get(options.delimiter, options.delimiter),
    }
    return render(request, "leads/import_preview.html", context, status=status)


def _start(request: HttpRequest, job: ImportJob) -> HttpResponse:
    try:
        running = jobs.start(job, at=clock.now())
    except NotReadable as error:
        messages.error(request, str(error))
        return redirect("leads:import_detail", job.pk)
    if running.pk != job.pk:
        messages.info(request, "This very file is being imported already: here is how far it is.")
    return redirect("leads:import_detail", running.pk)


def _remarks(code: str, detail: str, warnings: list[str]) -> str:
    said = [say(code) + (f": {detail}" if detail else "")] if code else []
    return "; ".join([*said, *(say(warning) for warning in warnings)])


@requires("imports")
@require_safe
def import_rows(request: HttpRequest, pk: int) -> HttpResponse:
    """List what became of the rows, all or those with one result."""
    job, user = _job(request, pk), _user(request)
    result = request.GET.get("result", "")
    rows = job.rows.filter(result=result) if result in ImportRow.Result.values else job.rows.all()
    try:
        page = keyset_page(rows, order=("number",), cursor=request.GET.get("after", ""), size=PAGE)
    except BadCursor as error:
        return HttpResponseBadRequest(str(error))
    ids = [row.lead_id for row in page.rows if row.lead_id]
    leads = {lead.pk: lead for lead in Lead.objects.visible_to(user).filter(pk__in=ids)}
    shown = [
        (row, leads.get(row.lead_id or 0), _remarks(row.code, row.detail, row.warnings)) for row in page.rows
    ]
    label = ImportRow.Result(result).label if result in ImportRow.Result.values else "All"
    context = {
        "job": job, "rows": shown, "result": result, "label": label, "results": ImportRow.Result.choices,
        **_pager(request, page, f"{label} rows, in the order of the file"),
    }  # fmt: skip
    return render(request, "leads/import_rows.html", context)


@requires("imports")
@require_safe
def import_rows_csv(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Stream the refused rows with their reasons, to mend and import again."""
    job = _job(request, pk)
    response = StreamingHttpResponse(refused_rows(job), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="import-{job.pk}-refused.csv"'
    return response


@requires("imports")
@require_POST
def import_undo(request: HttpRequest, pk: int) -> HttpResponse:
    job = _job(request, pk)
    if undo.begin(job):
        messages.info(request, "The import is being undone.")
    else:
        messages.error(request, "Only an import that is done can be undone, and only once.")
    return redirect("leads:import_detail", job.pk)


@requires("imports")
@require_POST
def import_retry(request: HttpRequest, pk: int) -> HttpResponse:
    """Let an import that failed go on where it stopped."""
    job = _job(request, pk)
    runner.retry(job)
    return redirect("leads:import_detail", job.pk)


@requires("imports")
@require_POST
def import_discard(request: HttpRequest, pk: int) -> HttpResponse:
    """Forget an upload nobody has started."""
    deleted, _ = ImportJob.objects.visible_to(_user(request)).filter(Q(pk=pk, state=STATE.PREVIEW)).delete()
    if not deleted:
        _job(request, pk)
        messages.error(request, "This import has been started; undo it instead.")
        return redirect("leads:import_detail", pk)
    messages.success(request, "The upload was discarded. Nothing was imported.")
    return redirect("leads:imports")
