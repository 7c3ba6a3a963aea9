/* message.as_bytes, as a call reads it: a method and the message it is called on.
 *
 * Messages find their attributes in a way of their own (attributes.h), so that CPython makes a bound
 * method for each call of one. Here it comes from a freelist, and calls the method straight away.
 * For all that is rare it has the bound method of CPython made, and speaks for that: its attributes
 * (also __class__, __reduce_ex__), its repr, its hash, its equality.
 *
 * Ownership: strong references to the method, the message and, as of any heap type, the type.
 */
#ifndef TLV_BOUND_H
#define TLV_BOUND_H

#include "message.h"

#define BOUND_STACK 8

typedef struct bound {
    PyObject_VAR_HEAD
    vectorcallfunc vectorcall;
    PyMethodDescrObject *method;
    PyObject *self;
} Bound;

/* As messages, a Bound is no object of the collector: it holds a message, which cannot hold it. */
static PyObject *
bound_call(PyObject *callable, PyObject *const *args, size_t flagged, PyObject *names)
{
    Bound *bound = (Bound *)callable;
    PyObject *method = (PyObject *)bound->method;
    const size_t count = (size_t)PyVectorcall_NARGS(flagged);
    if (LIKELY(flagged & PY_VECTORCALL_ARGUMENTS_OFFSET)) {
        PyObject **all = (PyObject **)args - 1; /* lent by the caller, to be given back as it was */
        PyObject *before = all[0];
        all[0] = bound->self;
        PyObject *result = bound->method->vectorcall(method, all, count + 1, names);
        all[0] = before;
        return result;
    }
    const size_t total = count + (names == NULL ? 0 : (size_t)PyTuple_GET_SIZE(names));
    PyObject *stack[BOUND_STACK];
    PyObject **all = total < BOUND_STACK ? stack : PyMem_New(PyObject *, total + 1);
    if (all == NULL) {
        return PyErr_NoMemory();
    }
    all[0] = bound->self;
    if (total > 0) {
        memcpy(all + 1, args, total * sizeof(PyObject *));
    }
    PyObject *result = bound->method->vectorcall(method, all, count + 1, names);
    if (all != stack) {
        PyMem_Free(all);
    }
    return result;
}

static PyObject *bound_new(ModuleState *state, PyMethodDescrObject *method, PyObject *self)
{
    Bound *bound = state->free_bound;
    if (LIKELY(bound != NULL)) {
        state->free_bound = (Bound *)bound->self;
        state->free_bound_count--;
    }
    else if ((bound = PyObject_Malloc(sizeof(Bound))) == NULL) {
        return PyErr_NoMemory();
    }
    object_init((PyVarObject *)bound, state->bound_type, 0);
    bound->vectorcall = bound_call;
    bound->method = (PyMethodDescrObject *)Py_NewRef((PyObject *)method);
    bound->self = Py_NewRef(self);
    return (PyObject *)bound;
}

static void bound_dealloc(PyObject *object)
{
    Bound *bound = (Bound *)object;
    PyTypeObject *type = Py_TYPE(object);
    ModuleState *state = PyType_GetModuleState(type);
    PyObject *self = bound->self;
    Py_DECREF(bound->method);
    if (LIKELY(state != NULL && state->free_bound_count < state->free_bound_max)) {
        bound->self = (PyObject *)state->free_bound;
        state->free_bound = bound;
        state->free_bound_count++;
    }
    else {
        PyObject_Free(bound);
    }
    Py_DECREF(self); /* may run any code */
    Py_DECREF(type);
}

static void free_bound_clear(ModuleState *state)
{
    state->free_bound_max = 0;
    while (state->free_bound != NULL) {
        Bound *bound = state->free_bound;
        state->free_bound = (Bound *)bound->self;
        PyObject_Free(bound);
    }
    state->free_bound_count = 0;
}

/* The bound method that CPython makes of it. */
static PyObject *bound_usual(PyObject *object)
{
    Bound *bound = (Bound *)object;
    return Py_TYPE(bound->method)->tp_descr_get((PyObject *)bound->method, bound->self, (PyObject *)Py_TYPE(bound->self));
}

static PyObject *bound_getattro(PyObject *object, PyObject *name)
{
    PyObject *usual = bound_usual(object);
    PyObject *value = usual == NULL ? NULL : PyObject_GetAttr(usual, name);
    Py_XDECREF(usual);
    return value;
}

static PyObject *bound_repr(PyObject *object)
{
    PyObject *usual = bound_usual(object);
    PyObject *text = usual == NULL ? NULL : PyObject_Repr(usual);
    Py_XDECREF(usual);
    return text;
}

static Py_hash_t bound_hash(PyObject *object)
{
    PyObject *usual = bound_usual(object);
    Py_hash_t hash = usual == NULL ? -1 : PyObject_Hash(usual);
    Py_XDECREF(usual);
    return hash;
}

static PyObject *bound_compare(PyObject *one, PyObject *other, int op)
{
    PyObject *first = bound_usual(one);
    PyObject *second = first == NULL ? NULL : Py_IS_TYPE(other, Py_TYPE(one)) ? bound_usual(other) : Py_NewRef(other);
    PyObject *result = second == NULL ? NULL : PyObject_RichCompare(first, second, op);
    Py_XDECREF(first);
    Py_XDECREF(second);
    return result;
}

static PyMemberDef bound_members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(Bound, vectorcall), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot bound_slots[] = {
    {Py_tp_dealloc, bound_dealloc},    {Py_tp_call, PyVectorcall_Call},      {Py_tp_getattro, bound_getattro},
    {Py_tp_repr, bound_repr},          {Py_tp_hash, bound_hash},             {Py_tp_richcompare, bound_compare},
    {Py_tp_members, bound_members},    {0, NULL},
};

static PyType_Spec bound_spec = {
    .name = "tlv._native.BoundMethod",
    .basicsize = sizeof(Bound),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_DISALLOW_INSTANTIATION |
             Py_TPFLAGS_IMMUTABLETYPE,
    .slots = bound_slots,
};

#endif
