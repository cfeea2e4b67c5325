/*
 * capture.h - what the agent says in a test, kept to be held against include/schema/.
 *
 * With STUDIO_CAPTURE naming a folder (CTest sets it for the integration tests) a program that starts
 * an agent appends to a file there what its clients receive and what they publish themselves;
 * tests/schema/captured.py reads it. Without it nothing happens. Any thread.
 */
#ifndef TESTS_SUPPORT_CAPTURE_H
#define TESTS_SUPPORT_CAPTURE_H

#include <stddef.h>

/* From now on this program captures; `config` is the agent's INI text, "" if none. Fails the test if
 * the file cannot be written. The test's thread. */
void capture_agent(const char *config);

/* One record, if an agent was started: `kind` is
 *   websocket   a text frame; `channel` says whether it was the first of its connection
 *   mqtt, own   what was received on, or published by the test on, the topic `channel`
 *   http        the body of an answer; `channel` is method, target and status
 *   request     that of its request
 *   sse         the data of an event of the live stream; `channel` is its name
 *   upgrade     a WebSocket connection was made, so that something should be heard on it */
void capture(const char *kind, const char *channel, const char *data, size_t len);

#endif
