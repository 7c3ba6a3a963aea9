/* From what tlv.native_core says of a layout to a Plan: runs once for each class.
 *
 * Ownership: a plan under construction owns what it has so far, so that any failure just drops it.
 */
#ifndef TLV_COMPILE_H
#define TLV_COMPILE_H

#include "attributes.h"
#include "compile_checks.h"
#include "compile_fields.h"

/* The order of encoding must name each field once, the variable ones first. */
static int plan_parse_order(Plan *plan, PyObject *order)
{
    char *seen = PyMem_Calloc((size_t)plan->count + 1, 1);
    int good = seen != NULL && PyTuple_GET_SIZE(order) == plan->count;
    for (Py_ssize_t i = 0; good && i < plan->count; i++) {
        Py_ssize_t at = PyLong_AsSsize_t(PyTuple_GET_ITEM(order, i));
        good = at >= 0 && at < plan->count && !seen[at] &&
               (plan->items[at].variable != FIXED) == (i < plan->variable_count);
        if (good) {
            seen[at] = 1;
            plan->order[i] = at;
        }
    }
    PyMem_Free(seen);
    if (!good && !PyErr_Occurred()) {
        PyErr_SetString(PyExc_ValueError, "the order does not name each field once");
    }
    return good ? 0 : -1;
}

static int plan_parse(Plan *plan, PyObject *fields, PyObject *order)
{
    plan->count = PyTuple_GET_SIZE(fields);
    plan->items = PyMem_Calloc((size_t)plan->count + 1, sizeof(Item));
    plan->order = PyMem_Calloc((size_t)plan->count + 1, sizeof(Py_ssize_t));
    if (plan->items == NULL || plan->order == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (Py_ssize_t i = 0; i < plan->count; i++) {
        if (item_parse(plan, PyTuple_GET_ITEM(fields, i), &plan->items[i]) < 0) {
            return -1;
        }
        if (plan->items[i].name == NULL) {
            PyErr_SetString(PyExc_ValueError, "a field without a name");
            return -1;
        }
        plan->variable_count += plan->items[i].variable != FIXED;
    }
    return plan_parse_order(plan, order) < 0 ? -1 : attributes_make(plan);
}

/* Plan(name, size, big, fields, order, fallback) */
static PyObject *plan_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    PyObject *name, *fields, *order, *fallback;
    Py_ssize_t size;
    int big;
    PyObject *module = PyType_GetModule(type);
    if (module == NULL || !PyArg_ParseTuple(args, "UnpO!O!O:Plan", &name, &size, &big, &PyTuple_Type, &fields,
                                            &PyTuple_Type, &order, &fallback)) {
        return NULL;
    }
    if (size < 0 || (kwargs != NULL && PyDict_GET_SIZE(kwargs) > 0)) {
        PyErr_SetString(PyExc_ValueError, "Plan() takes six values");
        return NULL;
    }
    Plan *plan = (Plan *)type->tp_alloc(type, 0);
    if (plan == NULL) {
        return NULL;
    }
    plan->module = Py_NewRef(module);
    plan->state = state_of(module);
    plan->name = Py_NewRef(name);
    plan->fallback = Py_NewRef(fallback);
    plan->size = size;
    plan->big = big;
    if (plan_parse(plan, fields, order) < 0) {
        Py_CLEAR(plan);
    }
    return (PyObject *)plan;
}

/* The descriptor of the field of that index. */
static PyObject *plan_field(PyObject *self, PyObject *args)
{
    Plan *plan = (Plan *)self;
    Py_ssize_t index;
    PyObject *declared;
    if (!PyArg_ParseTuple(args, "nO:field", &index, &declared)) {
        return NULL;
    }
    if (index < 0 || index >= plan->count) {
        PyErr_SetString(PyExc_IndexError, "no such field");
        return NULL;
    }
    Field *field = (Field *)plan->state->field_type->tp_alloc(plan->state->field_type, 0);
    if (field != NULL) {
        field->plan = (Plan *)Py_NewRef(self);
        field->item = &plan->items[index];
        field->declared = Py_NewRef(declared);
    }
    return (PyObject *)field;
}

static PyMethodDef plan_methods[] = {
    {"field", plan_field, METH_VARARGS, "The descriptor of a field: its index, and the Field of the layout."},
    {"set_checks", plan_set_checks, METH_VARARGS, "The compiled constraints."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot plan_slots[] = {
    {Py_tp_new, plan_new},           {Py_tp_traverse, plan_traverse}, {Py_tp_dealloc, plan_dealloc},
    {Py_tp_methods, plan_methods},   {0, NULL},
};

static PyType_Spec plan_spec = {
    .name = "tlv._native.Plan",
    .basicsize = sizeof(Plan),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = plan_slots,
};

#endif
