/* Records: views of messages that follow each other in a buffer at equal steps.
 *
 * Views is what tlv.batch iterates a run with; the run was checked there, and is again here, since
 * what is not read from a frame has sizes that a user gave.
 *
 * Ownership: an iterator holds the buffer, and its owner with a pin where there is one, from its
 * creation on, so its pointers are good as long as it lives; and the class of its messages.
 */
#ifndef TLV_RECORDS_H
#define TLV_RECORDS_H

#include "walk.h"

typedef struct {
    PyObject_HEAD
    ModuleState *state;
    PyTypeObject *type; /* strong */
    PyObject *buffer;   /* strong: bytes, or a memoryview of the library's own */
    PyObject *pinned;   /* the owner that views hold, held here too */
    const char *next;   /* the record that comes, as long as any is left */
    Py_ssize_t left;
    Py_ssize_t step;
    Py_ssize_t size;    /* of the fixed block */
} Views;

/* Whether `count` blocks of `size` bytes, `step` apart, lie inside `length` bytes from `start` on. */
static int records_inside(Py_ssize_t length, Py_ssize_t start, Py_ssize_t count, Py_ssize_t step, Py_ssize_t size)
{
    if (start < 0 || start > length || count < 0 || step < size) {
        return 0;
    }
    if (count == 0) {
        return 1;
    }
    const Py_ssize_t available = length - start - size;
    return available >= 0 && (step == 0 || (count - 1) <= available / step);
}

/* Views(message_type, buf, start, count, step) */
static PyObject *views_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    PyObject *cls, *buffer;
    Py_ssize_t start, count, step;
    Span span;
    PyObject *module = PyType_GetModuleByDef(type, &native_module);
    if (module == NULL || (kwargs != NULL && PyDict_GET_SIZE(kwargs) != 0) ||
        !PyArg_ParseTuple(args, "OOnnn:Views", &cls, &buffer, &start, &count, &step)) {
        if (!PyErr_Occurred()) {
            PyErr_SetString(PyExc_TypeError, "Views() takes no keywords");
        }
        return NULL;
    }
    ModuleState *state = state_of(module);
    Plan *plan = plan_of_class(state, cls);
    if (plan == NULL || plan->variable_count != 0) {
        PyErr_SetString(PyExc_TypeError, "views of equal steps are of a message class without variable fields");
        return NULL;
    }
    if (span_of_kept(state, plan->name, buffer, &span) < 0) {
        return NULL;
    }
    Views *self = NULL;
    if (!records_inside(span.length, start, count, step, plan->size)) {
        PyErr_SetString(PyExc_ValueError, "the records lie outside their buffer");
    }
    else if (owner_hold(span.owner) == 0) {
        self = PyObject_GC_New(Views, type);
        if (self == NULL) {
            owner_drop(state, span.owner);
        }
    }
    if (self != NULL) {
        self->state = state;
        self->type = (PyTypeObject *)Py_NewRef(cls);
        self->buffer = Py_NewRef(buffer);
        self->pinned = span.owner;
        self->next = span.data + start;
        self->left = count;
        self->step = step;
        self->size = plan->size;
        PyObject_GC_Track(self);
    }
    span_close(state, &span);
    return (PyObject *)self;
}

static PyObject *views_next(Views *self)
{
    if (UNLIKELY(self->left == 0)) {
        return NULL;
    }
    const char *at = self->next;
    if (LIKELY(--self->left != 0)) {
        self->next = at + self->step; /* never past the last record, behind which there may be nothing */
    }
    return message_view(self->state, self->type, self->pinned, at, self->size);
}

static PyObject *views_length_hint(Views *self, PyObject *unused)
{
    (void)unused;
    return PyLong_FromSsize_t(self->left);
}

static int views_traverse(Views *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->type);
    Py_VISIT(self->buffer);
    return 0;
}

static void views_dealloc(Views *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    owner_drop(self->state, self->pinned);
    Py_DECREF(self->buffer);
    Py_DECREF(self->type);
    PyObject_GC_Del(self);
    Py_DECREF(type);
}

static PyMethodDef views_methods[] = {
    {"__length_hint__", (PyCFunction)(void (*)(void))views_length_hint, METH_NOARGS, "How many are left."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot views_slots[] = {
    {Py_tp_new, views_new},           {Py_tp_dealloc, views_dealloc}, {Py_tp_traverse, views_traverse},
    {Py_tp_iter, PyObject_SelfIter},  {Py_tp_iternext, views_next},   {Py_tp_methods, views_methods},
    {0, NULL},
};

static PyType_Spec views_spec = {
    .name = "tlv._native.Views",
    .basicsize = sizeof(Views),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .slots = views_slots,
};

#endif
