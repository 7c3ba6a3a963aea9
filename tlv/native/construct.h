/* The constructor and emplace(): arguments to bytes, by vectorcall.
 *
 * Ownership: arguments are borrowed from the caller, who holds them through the call; so are
 * defaults, which the plan holds. Bytes are packed into a message, or a temporary block, that
 * nobody else sees, since conversions can run any code.
 * Whatever goes wrong is told by the twin: for arguments that do not fit the signature its
 * generated function is called with them, for values its error for the first one that misfits.
 */
#ifndef TLV_CONSTRUCT_H
#define TLV_CONSTRUCT_H

#include "views.h"

#define STACK_VALUES 40
#define STACK_BYTES 512

/* Encoded data of one variable field. */
typedef struct {
    PyObject *keep;   /* strong: bytes, or the str whose memory `data` is */
    const char *data;
    Py_ssize_t length; /* without the filling */
    uint32_t count;
} Part;

/* ---- arguments ---- */

static Py_ssize_t find_name(Plan *plan, PyObject *name, Py_ssize_t guess)
{
    if (LIKELY(guess < plan->count && plan->items[guess].name == name)) {
        return guess;
    }
    for (Py_ssize_t i = 0; i < plan->count; i++) {
        if (plan->items[i].name == name) {
            return i;
        }
    }
    for (Py_ssize_t i = 0; i < plan->count; i++) {
        if (PyUnicode_Compare(plan->items[i].name, name) == 0) {
            return i;
        }
    }
    return -1;
}

/* Fills values[0 .. plan->count); -1, without an exception, where arguments do not fit. */
static inline int
bind(Plan *plan, PyObject *const *args, Py_ssize_t count, PyObject *names, PyObject **values)
{
    Py_ssize_t i = 0;
    if (UNLIKELY(count > plan->count)) {
        return -1;
    }
    for (; i < count; i++) {
        values[i] = args[i];
    }
    if (i == plan->count && names == NULL) {
        return 0;
    }
    for (; i < plan->count; i++) {
        values[i] = NULL;
    }
    Py_ssize_t named = names == NULL ? 0 : PyTuple_GET_SIZE(names);
    for (i = 0; i < named; i++) {
        Py_ssize_t at = find_name(plan, PyTuple_GET_ITEM(names, i), count + i);
        if (UNLIKELY(at < 0 || values[at] != NULL)) {
            return -1;
        }
        values[at] = args[count + i];
    }
    for (i = count; i < plan->count; i++) {
        if (values[i] == NULL) {
            values[i] = plan->items[i].default_value;
            if (UNLIKELY(values[i] == NULL)) {
                return -1;
            }
        }
    }
    return 0;
}

/* The twin's TypeError about arguments: calls its function with the same ones, after `before`. */
static int bind_refused(Plan *plan, const char *method, PyObject *before, PyObject *const *args, Py_ssize_t count,
                        PyObject *names)
{
    PyObject *function = PyObject_GetAttrString(plan->fallback, method);
    PyObject *bound = PyTuple_New(1 + count);
    PyObject *named = PyDict_New();
    PyObject *result = NULL;
    if (function == NULL || bound == NULL || named == NULL) {
        goto done;
    }
    PyTuple_SET_ITEM(bound, 0, Py_NewRef(before));
    for (Py_ssize_t i = 0; i < count; i++) {
        PyTuple_SET_ITEM(bound, i + 1, Py_NewRef(args[i]));
    }
    for (Py_ssize_t i = 0; names != NULL && i < PyTuple_GET_SIZE(names); i++) {
        if (PyDict_SetItem(named, PyTuple_GET_ITEM(names, i), args[count + i]) < 0) {
            goto done;
        }
    }
    result = PyObject_Call(function, bound, named);
    if (result != NULL) {
        PyErr_SetString(PyExc_SystemError, "the twin took arguments that the compiled core refused");
    }
done:
    Py_XDECREF(result);
    Py_XDECREF(named);
    Py_XDECREF(bound);
    Py_XDECREF(function);
    return -1;
}

/* Turns what a conversion raised into the twin's FieldValueError; other exceptions stay. */
static int misfit(Plan *plan, PyObject *const *values)
{
    ModuleState *state = plan->state;
    if (PyErr_ExceptionMatches(state->field_value_error) ||
        !(PyErr_ExceptionMatches(PyExc_ValueError) || PyErr_ExceptionMatches(PyExc_TypeError) ||
          PyErr_ExceptionMatches(PyExc_OverflowError) || PyErr_ExceptionMatches(state->struct_error))) {
        return -1;
    }
    PyObject *type, *cause, *trace;
    PyErr_Fetch(&type, &cause, &trace);
    PyErr_NormalizeException(&type, &cause, &trace);
    if (trace != NULL) {
        PyException_SetTraceback(cause, trace);
    }
    PyObject *tuple = PyTuple_New(plan->count);
    for (Py_ssize_t i = 0; tuple != NULL && i < plan->count; i++) {
        PyTuple_SET_ITEM(tuple, i, Py_NewRef(values[i]));
    }
    if (tuple != NULL) {
        plan_raise(plan, "misfit", Py_BuildValue("(NO)", tuple, cause));
    }
    Py_XDECREF(type);
    Py_XDECREF(cause);
    Py_XDECREF(trace);
    return -1;
}

/* ---- data after the fixed block ---- */

static int part_of_group(const Item *item, PyObject *value, Part *part)
{
    Py_ssize_t count = PySequence_Fast_GET_SIZE(value);
    PyObject **items = PySequence_Fast_ITEMS(value);
    for (Py_ssize_t i = 0; i < count; i++) {
        if ((PyObject *)Py_TYPE(items[i]) != item->extra || Py_SIZE(items[i]) != item->group_size) {
            return 1;
        }
    }
    *part = (Part){NULL, NULL, 0, (uint32_t)count};
    if (count == 0) {
        return 0;
    }
    PyObject *data = PyBytes_FromStringAndSize(NULL, 8 + count * item->group_size);
    if (data == NULL) {
        return -1;
    }
    char *p = PyBytes_AS_STRING(data);
    store_uint(p, 4, item->big, (uint64_t)item->group_size);
    store_uint(p + 4, 4, item->big, 0);
    for (Py_ssize_t i = 0; i < count; i++) {
        memcpy(p + 8 + i * item->group_size, ((Message *)items[i])->data, (size_t)item->group_size);
    }
    *part = (Part){data, p, PyBytes_GET_SIZE(data), (uint32_t)count};
    return 0;
}

static int part_of_memory(PyObject *keep, const char *data, Py_ssize_t length, Part *part)
{
    if ((uint64_t)length > VARIABLE_SIZE_MAX) {
        return 1;
    }
    *part = (Part){Py_NewRef(keep), data, length, (uint32_t)length};
    return 0;
}

/* 0 done, 1 for the twin to do, -1 an exception is set. Runs no Python code. */
static int part_fast(const Item *item, PyObject *value, Part *part)
{
    if (item->variable == GROUP) {
        int plain = PyTuple_CheckExact(value) || PyList_CheckExact(value);
        return plain && PySequence_Fast_GET_SIZE(value) <= (Py_ssize_t)GROUP_COUNT_MAX
                   ? part_of_group(item, value, part)
                   : 1;
    }
    if (item->variable == VARIABLE_BYTES && PyBytes_CheckExact(value)) {
        return part_of_memory(value, PyBytes_AS_STRING(value), PyBytes_GET_SIZE(value), part);
    }
    if (item->variable == VARIABLE_TEXT && PyUnicode_CheckExact(value) && PyUnicode_IS_COMPACT_ASCII(value)) {
        return part_of_memory(value, (const char *)PyUnicode_1BYTE_DATA(value), PyUnicode_GET_LENGTH(value), part);
    }
    return 1;
}

static int part_make(const Item *item, PyObject *value, Part *part)
{
    int left = part_fast(item, value, part);
    if (left <= 0) {
        return left;
    }
    PyObject *pair = PyObject_CallMethod(item->plan->fallback, "encode", "OO", item->name, value);
    if (pair == NULL) {
        return -1;
    }
    unsigned long count = 0;
    if (PyTuple_Check(pair) && PyTuple_GET_SIZE(pair) == 2 && PyBytes_Check(PyTuple_GET_ITEM(pair, 1))) {
        count = PyLong_AsUnsignedLong(PyTuple_GET_ITEM(pair, 0));
    }
    else {
        PyErr_SetString(PyExc_TypeError, "the codec packed something else");
    }
    if (!PyErr_Occurred()) {
        PyObject *data = PyTuple_GET_ITEM(pair, 1);
        *part = (Part){Py_NewRef(data), PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data), (uint32_t)count};
    }
    Py_DECREF(pair);
    return PyErr_Occurred() ? -1 : 0;
}

static void parts_drop(Part *parts, Py_ssize_t count)
{
    for (Py_ssize_t i = 0; i < count; i++) {
        Py_XDECREF(parts[i].keep);
    }
    PyMem_Free(parts);
}

/* The parts of a variable message, in order; NULL with an exception set. */
static Part *parts_make(Plan *plan, PyObject *const *values, Py_ssize_t *length)
{
    Part *parts = PyMem_Calloc((size_t)plan->variable_count, sizeof(Part));
    if (parts == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    uint64_t end = (uint64_t)aligned(plan->size);
    for (Py_ssize_t i = 0; i < plan->variable_count; i++) {
        Py_ssize_t at = plan->order[i];
        int failed = part_make(&plan->items[at], values[at], &parts[i]) < 0;
        if (!failed && end > UINT32_MAX) {
            PyErr_SetString(PyExc_OverflowError, "the data begins beyond 32 bits");
            failed = 1;
        }
        if (failed) {
            misfit(plan, values);
            parts_drop(parts, plan->variable_count);
            return NULL;
        }
        end += (uint64_t)aligned(parts[i].length);
    }
    *length = (Py_ssize_t)end;
    return parts;
}

static void parts_write(Plan *plan, const Part *parts, char *p)
{
    Py_ssize_t at = aligned(plan->size);
    for (Py_ssize_t i = 0; i < plan->variable_count; i++) {
        const Item *item = &plan->items[plan->order[i]];
        const Part *part = &parts[i];
        store_uint(p + item->offset, 4, plan->big, part->count ? (uint64_t)at : 0);
        store_uint(p + item->offset + 4, 4, plan->big, part->count);
        if (part->length > 0) {
            memcpy(p + at, part->data, (size_t)part->length);
        }
        at += aligned(part->length);
    }
}

/* ---- packing ---- */

/* The fixed fields into zeroed memory. */
static inline int pack_fixed(Plan *plan, PyObject *const *values, char *p)
{
    for (Py_ssize_t i = plan->variable_count; i < plan->count; i++) {
        Py_ssize_t at = plan->order[i];
        const Item *item = &plan->items[at];
        if (UNLIKELY(item->put(item, values[at], p + item->offset) < 0)) {
            return misfit(plan, values);
        }
    }
    return 0;
}

static PyObject *construct_variable(Plan *plan, PyTypeObject *type, PyObject *const *values)
{
    Py_ssize_t length;
    Part *parts = parts_make(plan, values, &length);
    if (parts == NULL) {
        return NULL;
    }
    Message *m = message_owned(plan, type, length);
    if (m != NULL) {
        memset(m->inlined, 0, (size_t)length);
        parts_write(plan, parts, m->inlined);
        if (pack_fixed(plan, values, m->inlined) < 0) {
            Py_CLEAR(m);
        }
    }
    parts_drop(parts, plan->variable_count);
    return (PyObject *)m;
}

static inline PyObject *construct(Plan *plan, PyTypeObject *type, PyObject *const *values)
{
    if (plan->variable_count != 0) {
        return construct_variable(plan, type, values);
    }
    Message *m = message_owned(plan, type, plan->size);
    if (LIKELY(m != NULL)) {
        memset(m->inlined, 0, (size_t)plan->size);
        if (UNLIKELY(pack_fixed(plan, values, m->inlined) < 0)) {
            Py_CLEAR(m);
        }
    }
    return (PyObject *)m;
}

/* Memory for as many values as the class has fields. */
static PyObject **values_open(Plan *plan, PyObject **stack)
{
    if (LIKELY(plan->count <= STACK_VALUES)) {
        return stack;
    }
    PyObject **values = PyMem_New(PyObject *, plan->count);
    if (values == NULL) {
        PyErr_NoMemory();
    }
    return values;
}

static void values_close(PyObject **values, PyObject **stack)
{
    if (UNLIKELY(values != stack)) {
        PyMem_Free(values);
    }
}

/* The error for TLV itself. */
static PyObject *no_layout(PyTypeObject *type)
{
    PyObject *module = PyType_GetModuleByDef(Py_TYPE(type), &native_module);
    PyObject *error = module == NULL ? NULL : PyObject_CallOneArg(state_of(module)->no_layout, (PyObject *)type);
    if (error != NULL) {
        PyErr_SetObject((PyObject *)Py_TYPE(error), error);
        Py_DECREF(error);
    }
    return NULL;
}

/* tp_vectorcall of each message class. */
static PyObject *message_vectorcall(PyObject *callable, PyObject *const *args, size_t flagged, PyObject *names)
{
    PyTypeObject *type = (PyTypeObject *)callable;
    Plan *plan = plan_of(type);
    PyObject *stack[STACK_VALUES];
    Py_ssize_t count = PyVectorcall_NARGS(flagged);
    if (UNLIKELY(plan == NULL)) {
        return no_layout(type);
    }
    PyObject **values = values_open(plan, stack);
    if (UNLIKELY(values == NULL)) {
        return NULL;
    }
    PyObject *made = NULL;
    if (LIKELY(bind(plan, args, count, names, values) == 0)) {
        made = construct(plan, type, values);
    }
    else {
        bind_refused(plan, "initialize", Py_None, args, count, names);
    }
    values_close(values, stack);
    return made;
}

/* The fixed block into a temporary one, then into the buffer: all or nothing. */
static PyObject *emplace_fixed(Plan *plan, PyObject *const *values, PyObject *target, PyObject *offset)
{
    char stack[STACK_BYTES];
    char *p = plan->size <= STACK_BYTES ? stack : PyMem_Malloc((size_t)plan->size);
    PyObject *written = NULL;
    if (p == NULL) {
        return PyErr_NoMemory();
    }
    memset(p, 0, (size_t)plan->size);
    if (pack_fixed(plan, values, p) == 0) {
        written = write_bytes(plan, p, plan->size, target, offset);
    }
    if (p != stack) {
        PyMem_Free(p);
    }
    return written;
}

static PyObject *emplace_variable(Plan *plan, PyObject *const *values, PyObject *target, PyObject *offset)
{
    Message *m = (Message *)construct_variable(plan, plan->type, values);
    if (m == NULL) {
        return NULL;
    }
    PyObject *written = write_bytes(plan, m->data, Py_SIZE(m), target, offset);
    Py_DECREF(m);
    return written;
}

/* emplace(buffer, offset, /, fields): a builtin of each class. */
static PyObject *plan_emplace(PyObject *self, PyObject *const *args, Py_ssize_t count, PyObject *names)
{
    Plan *plan = (Plan *)self;
    PyObject *stack[STACK_VALUES];
    if (count < 2) {
        PyErr_SetString(PyExc_TypeError, "emplace() takes a buffer, an offset and the fields");
        return NULL;
    }
    PyObject **values = values_open(plan, stack);
    if (values == NULL) {
        return NULL;
    }
    PyObject *written = NULL;
    if (UNLIKELY(bind(plan, args + 2, count - 2, names, values) < 0)) {
        bind_refused(plan, "emplace", args[0], args + 1, count - 1, names);
    }
    else {
        written = plan->variable_count != 0 ? emplace_variable(plan, values, args[0], args[1])
                                            : emplace_fixed(plan, values, args[0], args[1]);
    }
    values_close(values, stack);
    return written;
}

#endif
