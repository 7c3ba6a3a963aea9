/* Cell: one message type at one receiver, what is counted of it and what handles it. And Sampled, the
 * message whose time is taken, and Sent, of Python, in which one lies with its sender.
 *
 * Ownership: a Cell holds the handler, a Sampled its message, or the envelope of it.
 */
#ifndef MYCELIUM_COUNTS_H
#define MYCELIUM_COUNTS_H

#include "state.h"

#define SAMPLE_MASK 63           /* as in mycelium.ledger.latency; tests compare what is sampled */

typedef struct {
    PyObject_HEAD
    PyObject *handle;            /* what takes these messages one by one, or NULL */
    long long sent;              /* counted by senders; the rest by the receiver */
    long long handled;
    long long failed;
    long long dropped;
    char accepted;               /* whether they may be put into the queue as they are */
    char signed_;                /* whether they may be put there with their sender, and nothing else */
} Cell;

typedef struct {
    PyObject_HEAD
    PyObject *message;
    long long sent_at;
} Sampled;

static void plain_dealloc(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    type->tp_free(object);
    Py_DECREF(type);
}

/* ---- Cell ---- */

static PyObject *cell_advance(PyObject *object, PyObject *Py_UNUSED(ignored))
{
    return PyLong_FromLongLong(((Cell *)object)->sent++);
}

static PyObject *cell_get_handle(PyObject *object, void *closure)
{
    (void)closure;
    PyObject *handle = ((Cell *)object)->handle;
    return Py_NewRef(handle == NULL ? Py_None : handle);
}

static int cell_set_handle(PyObject *object, PyObject *value, void *closure)
{
    (void)closure;
    Py_XSETREF(((Cell *)object)->handle, value == NULL || value == Py_None ? NULL : Py_NewRef(value));
    return 0;
}

static int cell_traverse(PyObject *object, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(object));
    Py_VISIT(((Cell *)object)->handle);
    return 0;
}

static int cell_clear(PyObject *object)
{
    Py_CLEAR(((Cell *)object)->handle);
    return 0;
}

static void cell_dealloc(PyObject *object)
{
    PyObject_GC_UnTrack(object);
    Py_CLEAR(((Cell *)object)->handle);
    plain_dealloc(object);
}

static PyMethodDef cell_methods[] = {
    {"advance", cell_advance, METH_NOARGS, "advance($self, /)\n--\n\nCount one as sent; how many there were before."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef cell_getset[] = {
    {"handle", cell_get_handle, cell_set_handle, "What takes these messages one by one; None where nothing does.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMemberDef cell_members[] = {
    {"sent", T_LONGLONG, offsetof(Cell, sent), READONLY, "How often `advance` was called so far."},
    {"handled", T_LONGLONG, offsetof(Cell, handled), 0, "Messages whose handler returned or raised."},
    {"failed", T_LONGLONG, offsetof(Cell, failed), 0, "The part of them whose handler raised."},
    {"dropped", T_LONGLONG, offsetof(Cell, dropped), 0, "Messages that the class ignores."},
    {"accepted", T_BOOL, offsetof(Cell, accepted), 0, "Whether they may be put into the queue as they are."},
    {"signed", T_BOOL, offsetof(Cell, signed_), 0, "Whether they may be put there with their sender, and nothing else."},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot cell_slots[] = {
    {Py_tp_dealloc, cell_dealloc}, {Py_tp_traverse, cell_traverse}, {Py_tp_clear, cell_clear},
    {Py_tp_methods, cell_methods}, {Py_tp_getset, cell_getset},     {Py_tp_members, cell_members},
    {Py_tp_doc, "Cell()\n--\n\nOne message type at one receiver: what is counted of it, and what handles it."},
    {0, NULL},
};

static PyType_Spec cell_spec = {
    .name = "mycelium._native.Cell",
    .basicsize = sizeof(Cell),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = cell_slots,
};

/* ---- Sent: a class of Python with three slots, which register() has found ---- */

static inline PyObject **sent_slot(PyObject *sent, Py_ssize_t place)
{
    return (PyObject **)((char *)sent + place);
}

/* The message in a Sent where nobody waits for an answer, borrowed; NULL in all other cases. */
static inline PyObject *told_in(ModuleState *state, PyObject *item)
{
    if (!Py_IS_TYPE(item, (PyTypeObject *)state->sent) || *sent_slot(item, state->sent_reply_to) != Py_None) {
        return NULL;
    }
    return *sent_slot(item, state->sent_message);
}

/* A message with who sends it from this thread. */
static PyObject *sent_of(ModuleState *state, PyObject *message)
{
    PyObject *sender = PyObject_CallNoArgs(state->current_ref);
    PyTypeObject *type = (PyTypeObject *)state->sent;
    PyObject *made = sender == NULL ? NULL : type->tp_alloc(type, 0);
    if (made == NULL) {
        Py_XDECREF(sender);
        return NULL;
    }
    *sent_slot(made, state->sent_message) = Py_NewRef(message);
    *sent_slot(made, state->sent_reply_to) = Py_NewRef(Py_None);
    *sent_slot(made, state->sent_sender) = sender;
    return made;
}

/* ---- Sampled ---- */

/* Nanoseconds, by the clock of mycelium.ledger.latency; -1 with an error. */
static long long now_ns(ModuleState *state)
{
    PyObject *now = PyObject_CallNoArgs(state->now_ns);
    const long long value = now == NULL ? -1 : PyLong_AsLongLong(now);
    Py_XDECREF(now);
    return value;
}

static RARE PyObject *sampled_of(ModuleState *state, PyObject *message)
{
    const long long now = now_ns(state);
    if (now == -1 && PyErr_Occurred()) {
        return NULL;
    }
    Sampled *made = (Sampled *)state->sampled_type->tp_alloc(state->sampled_type, 0);
    if (made != NULL) {
        made->message = Py_NewRef(message);
        made->sent_at = now;
    }
    return (PyObject *)made;
}

static PyObject *sampled_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"message", "sent_at", NULL};
    PyObject *message;
    long long sent_at;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OL:Sampled", names, &message, &sent_at)) {
        return NULL;
    }
    Sampled *self = (Sampled *)type->tp_alloc(type, 0);
    if (self != NULL) {
        self->message = Py_NewRef(message);
        self->sent_at = sent_at;
    }
    return (PyObject *)self;
}

static int sampled_traverse(PyObject *object, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(object));
    Py_VISIT(((Sampled *)object)->message);
    return 0;
}

static void sampled_dealloc(PyObject *object)
{
    PyObject_GC_UnTrack(object);
    Py_TRASHCAN_BEGIN(object, sampled_dealloc) /* one may hold another, and that one a third */
    Py_CLEAR(((Sampled *)object)->message);
    plain_dealloc(object);
    Py_TRASHCAN_END
}

static PyMemberDef sampled_members[] = {
    {"message", T_OBJECT, offsetof(Sampled, message), READONLY, "What was sent."},
    {"sent_at", T_LONGLONG, offsetof(Sampled, sent_at), READONLY, "When, in nanoseconds."},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot sampled_slots[] = {
    {Py_tp_new, sampled_new},
    {Py_tp_dealloc, sampled_dealloc},
    {Py_tp_traverse, sampled_traverse},
    {Py_tp_members, sampled_members},
    {Py_tp_doc, "Sampled(message, sent_at)\n--\n\nA message whose hand-off latency is measured."},
    {0, NULL},
};

static PyType_Spec sampled_spec = {
    .name = "mycelium._native.Sampled",
    .basicsize = sizeof(Sampled),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = sampled_slots,
};

#endif
