/* version.h - the version of the programs and libraries, and of the protocol they speak. */
#ifndef STUDIO_VERSION_H
#define STUDIO_VERSION_H

#define STUDIO_VERSION          "0.1.0"
#define STUDIO_RELEASED         "2026-11-29" /* the day of this version */
#define STUDIO_PROTOCOL_VERSION 1

#endif
