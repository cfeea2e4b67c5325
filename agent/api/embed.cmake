# embed.cmake - the description of the HTTP API as a C source of the agent. The build calls it:
#
#   cmake -DIN=include/openapi.json -DOUT=openapi_text.c -P embed.cmake
file(READ ${IN} bytes HEX)
string(REGEX REPLACE "(................................)" "\\1\n" bytes "${bytes}")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
file(WRITE ${OUT} "/* Made of ${IN} by embed.cmake. */
#include \"api/openapi.h\"

const unsigned char openapi_text[] = {
${bytes}};
const size_t openapi_len = sizeof(openapi_text);
")
