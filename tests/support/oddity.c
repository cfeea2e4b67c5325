#include "support/oddity.h"

enum { CONNECT = 1, PUBLISH = 3, VERSION_AT = 6 /* behind 0 4 "MQTT" */ };

static bool in_topic(const struct oddity_stream *s)
{
    return s->type == PUBLISH && s->seen >= 2 && s->seen - 2 < s->topic;
}

/* One byte of a packet's body. False: the broker hangs up. */
static bool pass_body(const struct oddity *o, struct oddity_stream *s, char *byte)
{
    unsigned char b = (unsigned char)*byte;

    if (s->type == PUBLISH && s->seen < 2)
        s->topic = s->topic << 8 | b;
    if (s->type == CONNECT && s->seen == VERSION_AT)
        return o->newest == 0 || b <= o->newest;
    if (b != '.' || !in_topic(s) || o->dots == DOTS_KEPT)
        return true;
    *byte = '/';
    return o->dots == DOTS_ARE_LEVELS;
}

bool oddity_pass(const struct oddity *o, struct oddity_stream *s, char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        unsigned char b = (unsigned char)bytes[i];

        switch (s->at) {
        case ODDITY_TYPE:
            s->type = b >> 4;
            s->left = s->seen = s->topic = s->shift = 0;
            s->at = ODDITY_LENGTH;
            break;
        case ODDITY_LENGTH:
            s->left |= (uint32_t)(b & 0x7f) << s->shift;
            s->shift += 7;
            if (!(b & 0x80))
                s->at = s->left > 0 ? ODDITY_BODY : ODDITY_TYPE;
            break;
        case ODDITY_BODY:
            if (!pass_body(o, s, &bytes[i]))
                return false;
            if (++s->seen == s->left)
                s->at = ODDITY_TYPE;
            break;
        }
    }
    return true;
}
