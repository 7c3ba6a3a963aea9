/* Messages from bytes: ref_from, read_from, ref_from_validated and _view, as builtins of each class.
 *
 * Ownership: as message.h says; here the owner of a source is found and the length is checked.
 * In the dict of the class as builtins, since binding a classmethod costs more than the call.
 */
#ifndef TLV_VIEWS_H
#define TLV_VIEWS_H

#include "buffers.h"
#include "keywords.h"
#include "attributes.h"
#include "checks.h"

/* The arguments (buf, offset=0, length=None) of the three. Numbers are read before the buffer is
 * looked at: their __index__ may run anything. */
typedef struct {
    PyObject *source;
    PyObject *offset_given; /* borrowed, or NULL */
    PyObject *length_given;
    Py_ssize_t offset;
    Py_ssize_t length;      /* -1: none given */
    int odd;                /* a number beyond Py_ssize_t: never in bounds, the twin says so */
} Where;

static int where_number(PyObject *given, Py_ssize_t *number, int *odd)
{
    if (LIKELY(PyLong_CheckExact(given))) {
        *number = PyLong_AsSsize_t(given);
    }
    else {
        PyObject *index = PyNumber_Index(given);
        if (index == NULL) {
            return -1;
        }
        *number = PyLong_AsSsize_t(index);
        Py_DECREF(index);
    }
    if (UNLIKELY(*number == -1) && PyErr_Occurred()) {
        if (!PyErr_ExceptionMatches(PyExc_OverflowError)) {
            return -1;
        }
        PyErr_Clear();
        *odd = 1;
    }
    return 0;
}

static inline int where_parse(Where *where, PyObject *const *args, Py_ssize_t count, PyObject *names)
{
    static const char *const known[] = {"buf", "offset", "length"};
    PyObject *given[3];
    *where = (Where){.length = -1};
    if (UNLIKELY(take_arguments("ref_from", known, 3, args, count, names, given) < 0)) {
        return -1;
    }
    where->source = given[0];
    where->offset_given = given[1];
    where->length_given = given[2];
    if (where->offset_given != NULL && where_number(where->offset_given, &where->offset, &where->odd) < 0) {
        return -1;
    }
    if (where->length_given == NULL || where->length_given == Py_None) {
        return 0;
    }
    if (where_number(where->length_given, &where->length, &where->odd) < 0) {
        return -1;
    }
    where->odd |= where->length < 0;
    return 0;
}

static int truncated(Plan *plan, Py_ssize_t total, PyObject *offset, PyObject *length)
{
    PyObject *arguments = Py_BuildValue("(nNO)", total, offset == NULL ? PyLong_FromLong(0) : Py_NewRef(offset),
                                        length == NULL ? Py_None : length);
    return plan_raise(plan, "truncated", arguments);
}

/* How many bytes a variable message has: up to the end of its data, filled to a multiple of 8. */
static Py_ssize_t variable_length(Plan *plan, const char *data, Py_ssize_t available)
{
    Py_ssize_t end = plan->size;
    Place place;
    for (Py_ssize_t i = 0; i < plan->variable_count; i++) {
        if (locate(&plan->items[plan->order[i]], data, available, &place) < 0) {
            return -1;
        }
        end = place.end > end ? place.end : end;
    }
    return aligned(end) < available ? aligned(end) : available;
}

/* Finds the message: its data and length in `span`, which is cut to it. -1 with an exception set. */
static inline int where_find(Plan *plan, const Where *where, Span *span)
{
    Py_ssize_t offset = where->offset;
    Py_ssize_t total = span->length;
    Py_ssize_t available = total - offset;
    if (UNLIKELY(where->odd || offset < 0 || available < plan->size || where->length > available ||
                 (where->length >= 0 && where->length < plan->size))) {
        return truncated(plan, total, where->offset_given, where->length_given);
    }
    span->data += offset;
    span->length = plan->size;
    if (plan->variable_count != 0) {
        span->length = variable_length(plan, span->data, where->length >= 0 ? where->length : available);
    }
    return span->length < 0 ? -1 : 0;
}

static inline PyObject *
plan_ref(Plan *plan, PyObject *const *args, Py_ssize_t count, PyObject *names, int owned)
{
    Where where;
    Span span;
    PyObject *made = NULL;
    if (UNLIKELY(where_parse(&where, args, count, names) < 0 ||
                 span_open(plan->state, plan->name, where.source, &span) < 0)) {
        return NULL;
    }
    if (LIKELY(where_find(plan, &where, &span) == 0)) {
        made = owned ? message_copy(plan, plan->type, span.data, span.length)
                     : message_view(plan->state, plan->type, span.owner, span.data, span.length);
    }
    span_close(plan->state, &span);
    return made;
}

static PyObject *plan_ref_from(PyObject *self, PyObject *const *args, Py_ssize_t count, PyObject *names)
{
    return plan_ref((Plan *)self, args, count, names, 0);
}

static PyObject *plan_read_from(PyObject *self, PyObject *const *args, Py_ssize_t count, PyObject *names)
{
    return plan_ref((Plan *)self, args, count, names, 1);
}

static PyObject *plan_ref_validated(PyObject *self, PyObject *const *args, Py_ssize_t count, PyObject *names)
{
    Plan *plan = (Plan *)self;
    PyObject *message = plan_ref(plan, args, count, names, 0);
    if (UNLIKELY(message == NULL)) {
        return NULL;
    }
    int kept;
    if (LIKELY(plan_is_current(plan))) {
        kept = message_check(plan, (Message *)message);
        if (kept == 0 && plan->rule != NULL) {
            kept = message_rule(plan, message);
        }
    }
    else {
        PyObject *result = PyObject_CallMethod(message, "validate", NULL);
        kept = result == NULL ? -1 : 0;
        Py_XDECREF(result);
    }
    if (kept < 0) {
        Py_CLEAR(message);
    }
    return message;
}

/* A view of the message at `at` of a kept buffer, whose fixed block only is checked. */
static inline PyObject *plan_view_at(Plan *plan, Span *span, Py_ssize_t at)
{
    Py_ssize_t length = plan->size;
    if (UNLIKELY(at < 0 || span->length - at < length)) {
        PyObject *offset = PyLong_FromSsize_t(at);
        if (offset != NULL) {
            truncated(plan, span->length, offset, NULL);
            Py_DECREF(offset);
        }
        return NULL;
    }
    if (plan->variable_count != 0) {
        length = span->length - at;
    }
    return message_view(plan->state, plan->type, span->owner, span->data + at, length);
}

static PyObject *plan_view(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    Plan *plan = (Plan *)self;
    Span span;
    if (count != 2) {
        PyErr_SetString(PyExc_TypeError, "_view() takes a buffer and an offset");
        return NULL;
    }
    Py_ssize_t at = PyNumber_AsSsize_t(args[1], PyExc_OverflowError);
    if ((at == -1 && PyErr_Occurred()) || span_of_kept(plan->state, plan->name, args[0], &span) < 0) {
        return NULL;
    }
    PyObject *view = plan_view_at(plan, &span, at);
    span_close(plan->state, &span);
    return view;
}

#endif
