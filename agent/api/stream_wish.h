/* stream_wish.h - what a request for the live stream asks for: events of what, from where on. Net thread. */
#ifndef AGENT_API_STREAM_WISH_H
#define AGENT_API_STREAM_WISH_H

#include "api/request.h"
#include "api/stream_filter.h"

struct stream_wish {
    struct stream_filter filter;
    bool anew;        /* with the documents; else: */
    uint64_t place;   /* behind this event */
    const char *lost; /* why that cannot be; NULL: it may */
};

/* False: it is answered, and there is nothing to finish; else stream_filter_finish. */
bool stream_wish_read(struct api_request *request, struct stream_wish *out);

#endif
