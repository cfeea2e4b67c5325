# embed.cmake - the files of the dashboard, compressed, as a C source of the agent. The build calls it:
#
#   cmake -DGZIP=gzip -DDIR=agent/dashboard -DOUT=dashboard.c -P embed.cmake
#
# It needs no network, and the same sources always give the same bytes.
set(limit 61440) # of all of them, compressed

file(GLOB paths ${DIR}/*.html ${DIR}/*.css ${DIR}/*.js)
list(SORT paths)
set(total 0)
set(arrays "")
set(rows "")
set(packed ${OUT}.gz)
foreach(path ${paths})
  get_filename_component(name ${path} NAME)
  string(MAKE_C_IDENTIFIER "asset_${name}" array)
  execute_process(COMMAND ${GZIP} -n -9 -c ${path} OUTPUT_FILE ${packed} RESULT_VARIABLE failed)
  if(failed)
    message(FATAL_ERROR "${GZIP} failed on ${path}")
  endif()
  file(READ ${packed} bytes HEX)
  file(SHA256 ${packed} tag)
  string(SUBSTRING ${tag} 0 16 tag)
  file(SIZE ${packed} size)
  math(EXPR total "${total} + ${size}")
  string(REGEX REPLACE "(................................)" "\\1\n" bytes "${bytes}")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
  string(APPEND arrays "static const unsigned char ${array}[] = {\n${bytes}};\n")
  string(APPEND rows "    {\"${name}\", \"\\\"${tag}\\\"\", ${array}, sizeof(${array})},\n")
endforeach()
file(REMOVE ${packed})
if(total GREATER limit)
  message(FATAL_ERROR "The dashboard has ${total} bytes when compressed, over ${limit}: make it smaller")
endif()

file(WRITE ${OUT} "/* Made of agent/dashboard/ by embed.cmake: ${total} bytes. */
#include \"api/assets.h\"

${arrays}
const struct dashboard_asset dashboard_assets[] = {
${rows}};
const size_t dashboard_asset_count = sizeof(dashboard_assets) / sizeof(dashboard_assets[0]);
")
