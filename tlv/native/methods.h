/* What every message can do: bytes, copies, comparison, hash; the base class of TLV.
 *
 * Ownership: a consumer of its buffer keeps the message; a memoryview of as_bytes() does so too,
 * from when nobody else keeps it: see lending.h.
 */
#ifndef TLV_METHODS_H
#define TLV_METHODS_H

#include "buffers.h"
#include "compile.h"

static PyObject *message_as_bytes(PyObject *self, PyObject *unused)
{
    Plan *plan = plan_of(Py_TYPE(self));
    (void)unused;
    if (UNLIKELY(plan == NULL || exports_otherwise(Py_TYPE(self)))) {
        return PyMemoryView_FromObject(self);
    }
    return message_lend(plan->state, (Message *)self);
}

static PyObject *message_bytes(PyObject *self, PyObject *unused)
{
    (void)unused;
    return PyBytes_FromStringAndSize(((Message *)self)->data, Py_SIZE(self));
}

static PyObject *
message_write_into(PyObject *self, PyObject *const *args, Py_ssize_t count, PyObject *names)
{
    static const char *const known[] = {"buffer", "offset"};
    PyObject *given[2];
    Plan *plan = plan_of(Py_TYPE(self));
    if (UNLIKELY(take_arguments("write_into", known, 2, args, count, names, given) < 0)) {
        return NULL;
    }
    if (plan == NULL) {
        return no_layout(Py_TYPE(self));
    }
    const char *data = ((Message *)self)->data;
    if (given[1] != NULL) {
        return write_bytes(plan, data, Py_SIZE(self), given[0], given[1]);
    }
    PyObject *start = PyLong_FromLong(0); /* CPython keeps it ready-made */
    PyObject *written = start == NULL ? NULL : write_bytes(plan, data, Py_SIZE(self), given[0], start);
    Py_XDECREF(start);
    return written;
}

static PyObject *message_copied(PyObject *self, PyObject *unused)
{
    Plan *plan = plan_of(Py_TYPE(self));
    (void)unused;
    if (plan == NULL) {
        return no_layout(Py_TYPE(self));
    }
    return message_copy(plan, Py_TYPE(self), ((Message *)self)->data, Py_SIZE(self));
}

/* Itself also where it views bytes that hold nothing else. */
static PyObject *message_to_owned(PyObject *self, PyObject *unused)
{
    PyObject *owner = ((Message *)self)->owner;
    if (owner == NULL || (PyBytes_CheckExact(owner) && PyBytes_GET_SIZE(owner) == Py_SIZE(self))) {
        return Py_NewRef(self);
    }
    return message_copied(self, unused);
}

static PyObject *message_validate(PyObject *self, PyObject *unused)
{
    Plan *plan = plan_of(Py_TYPE(self));
    (void)unused;
    if (plan == NULL) {
        return no_layout(Py_TYPE(self));
    }
    if (message_check(plan, (Message *)self) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *message_sizeof(PyObject *self, PyObject *unused)
{
    (void)unused;
    return PyLong_FromSsize_t(message_inline_size((Message *)self));
}

static int same_bytes(PyObject *one, PyObject *other)
{
    return Py_SIZE(one) == Py_SIZE(other) &&
           memcmp(((Message *)one)->data, ((Message *)other)->data, (size_t)Py_SIZE(one)) == 0;
}

static int is_variable(PyObject *self)
{
    Plan *plan = plan_of(Py_TYPE(self));
    return plan != NULL && plan->variable_count != 0;
}

/* Variable messages of one value may lie differently: compared as the constructor would lay them out. */
static int equal_as_laid_out(PyObject *one, PyObject *other)
{
    PyObject *first = PyObject_CallMethod(one, "_canonical", NULL);
    PyObject *second = first == NULL ? NULL : PyObject_CallMethod(other, "_canonical", NULL);
    int equal = second == NULL ? -1 : PyObject_RichCompareBool(first, second, Py_EQ);
    Py_XDECREF(first);
    Py_XDECREF(second);
    return equal;
}

static PyObject *message_compare(PyObject *self, PyObject *other, int op)
{
    if ((op != Py_EQ && op != Py_NE) || Py_TYPE(self) != Py_TYPE(other)) {
        Py_RETURN_NOTIMPLEMENTED;
    }
    int equal = same_bytes(self, other);
    if (!equal && is_variable(self)) {
        equal = equal_as_laid_out(self, other);
    }
    return equal < 0 ? NULL : PyBool_FromLong(equal == (op == Py_EQ));
}

static Py_hash_t hash_of_bytes(const char *data, Py_ssize_t length)
{
#if PY_VERSION_HEX >= 0x030E0000
    return Py_HashBuffer(data, length);
#else
    const Py_hash_t hash = PyHash_GetFuncDef()->hash(data, length);
    return hash == -1 ? -2 : hash;
#endif
}

/* Of the class and the bytes; of the bytes that the constructor would make where they may differ. */
static Py_hash_t message_hash(PyObject *self)
{
    Py_hash_t bytes;
    if (is_variable(self)) {
        PyObject *data = PyObject_CallMethod(self, "_canonical", NULL);
        bytes = data == NULL ? -1 : PyObject_Hash(data);
        Py_XDECREF(data);
        if (bytes == -1) {
            return -1;
        }
    }
    else {
        bytes = hash_of_bytes(((Message *)self)->data, Py_SIZE(self));
    }
    Py_hash_t type = PyObject_Hash((PyObject *)Py_TYPE(self));
    if (type == -1) {
        return -1;
    }
    Py_uhash_t hash = (Py_uhash_t)type * 1000003u ^ (Py_uhash_t)bytes;
    return hash == (Py_uhash_t)-1 ? -2 : (Py_hash_t)hash;
}

/* Through type.__call__, __new__ and whatever else is no vectorcall. */
static PyObject *message_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    /* Only the metatype's classes have a plan: not Message itself, nor what plain type makes of it. */
    int planned = type->tp_dealloc == message_dealloc && Py_TYPE(type) != &PyType_Type;
    if (!planned) {
        PyErr_Format(PyExc_TypeError, "%s is no message class", type->tp_name);
        return NULL;
    }
    Py_ssize_t count = PyTuple_GET_SIZE(args);
    Py_ssize_t named = kwargs == NULL ? 0 : PyDict_GET_SIZE(kwargs);
    PyObject **values = PyMem_New(PyObject *, count + named + 1);
    PyObject *names = PyTuple_New(named);
    PyObject *made = NULL;
    if (values == NULL || names == NULL) {
        PyErr_NoMemory();
        goto done;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        values[i] = PyTuple_GET_ITEM(args, i);
    }
    Py_ssize_t position = 0;
    PyObject *name, *value;
    for (Py_ssize_t i = 0; i < named && PyDict_Next(kwargs, &position, &name, &value); i++) {
        PyTuple_SET_ITEM(names, i, Py_NewRef(name));
        values[count + i] = value;
    }
    made = message_vectorcall((PyObject *)type, values, (size_t)count, named > 0 ? names : NULL);
done:
    PyMem_Free(values);
    Py_XDECREF(names);
    return made;
}

/* Everything is done when a message is made; it does not change after that. */
static int message_init(PyObject *self, PyObject *args, PyObject *kwargs)
{
    (void)self, (void)args, (void)kwargs;
    return 0;
}

static PyMethodDef message_methods[] = {
    {"as_bytes", message_as_bytes, METH_NOARGS, "The bytes of the message, read-only and not copied."},
    {"write_into", (PyCFunction)(void (*)(void))message_write_into, METH_FASTCALL | METH_KEYWORDS,
     "Copy the bytes into a writable buffer; returns how many. Raises `BufferSpaceError`."},
    {"to_owned", message_to_owned, METH_NOARGS,
     "Itself when it carries its bytes, else an owned copy: for keeping a view."},
    {"validate", message_validate, METH_NOARGS,
     "Check the declared constraints, then the class's own rule.\n\n"
     "A class adds its rule by defining ``validate(self)`` which raises ``ValueError`` with a\n"
     "text; the constraints are always checked first. Raises `ConstraintError`, `RuleError`."},
    {"_check_fields", message_validate, METH_NOARGS, "The constraints of the declaration."},
    {"_payload", message_as_bytes, METH_NOARGS, "The bytes of the message as they lie."},
    {"_copied", message_copied, METH_NOARGS, NULL},
    {"__bytes__", message_bytes, METH_NOARGS, NULL},
    {"__sizeof__", message_sizeof, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot message_slots[] = {
    {Py_tp_new, message_new},           {Py_tp_init, message_init},
    {Py_tp_dealloc, message_dealloc},   {Py_tp_methods, message_methods},
    {Py_tp_hash, message_hash},         {Py_tp_richcompare, message_compare},
    {Py_bf_getbuffer, message_getbuffer}, {Py_tp_getattro, message_getattro},
    {0, NULL},
};

static PyType_Spec message_spec = {
    .name = "tlv._native.Message",
    .basicsize = (int)offsetof(Message, inlined),
    .itemsize = 1,
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = message_slots,
};

#endif
