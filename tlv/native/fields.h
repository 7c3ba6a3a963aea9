/* The descriptor of one field on its class, which reads it where attributes.h does not.
 *
 * Ownership: a descriptor holds its plan, and so its item, and the Field of the layout.
 */
#ifndef TLV_FIELDS_H
#define TLV_FIELDS_H

#include "variable.h"

typedef struct {
    PyObject_HEAD
    Plan *plan;        /* strong */
    const Item *item;  /* of plan */
    PyObject *declared; /* the Field of the layout; strong */
} Field;

static PyObject *field_descr_get(PyObject *self, PyObject *object, PyObject *type)
{
    const Item *item = ((Field *)self)->item;
    (void)type;
    if (object == NULL) {
        return Py_NewRef(self);
    }
    if (UNLIKELY(!is_message(object) || Py_SIZE(object) < item->end)) {
        PyErr_Format(PyExc_TypeError, "%U.%U cannot be read from %s", item->plan->name, item->name,
                     Py_TYPE(object)->tp_name);
        return NULL;
    }
    Message *m = (Message *)object;
    return item->get(item, m, m->data + item->offset);
}

static int field_descr_set(PyObject *self, PyObject *object, PyObject *value)
{
    const Item *item = ((Field *)self)->item;
    (void)object, (void)value;
    return plan_raise(item->plan, "immutable", Py_BuildValue("(O)", item->name));
}

static PyObject *field_get_field(PyObject *self, void *closure)
{
    (void)closure;
    return Py_NewRef(((Field *)self)->declared);
}

static PyObject *field_get_doc(PyObject *self, void *closure)
{
    (void)closure;
    PyObject *doc = PyObject_GetAttrString(((Field *)self)->declared, "doc");
    if (doc != NULL && PyUnicode_Check(doc) && PyUnicode_GET_LENGTH(doc) == 0) {
        Py_SETREF(doc, Py_NewRef(Py_None));
    }
    return doc;
}

static PyObject *field_get_name(PyObject *self, void *closure)
{
    (void)closure;
    return Py_NewRef(((Field *)self)->item->name);
}

static PyObject *field_repr(PyObject *self)
{
    const Item *item = ((Field *)self)->item;
    return PyUnicode_FromFormat("<field %U.%U>", item->plan->name, item->name);
}

static int field_traverse(Field *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->plan);
    Py_VISIT(self->declared);
    return 0;
}

static void field_dealloc(Field *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    Py_XDECREF(self->plan);
    Py_XDECREF(self->declared);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyGetSetDef field_getset[] = {
    {"field", field_get_field, NULL, "Where the field lies and what it is.", NULL},
    {"__doc__", field_get_doc, NULL, NULL, NULL},
    {"__name__", field_get_name, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot field_slots[] = {
    {Py_tp_descr_get, field_descr_get}, {Py_tp_descr_set, field_descr_set}, {Py_tp_getset, field_getset},
    {Py_tp_repr, field_repr},           {Py_tp_traverse, field_traverse},   {Py_tp_dealloc, field_dealloc},
    {0, NULL},
};

static PyType_Spec field_spec = {
    .name = "tlv._native.FieldProperty",
    .basicsize = sizeof(Field),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = field_slots,
};

#endif
