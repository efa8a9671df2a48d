# The only place for compiler flags. Every target links ha_flags privately.
find_program(HA_CCACHE ccache)
if(HA_CCACHE)
  # Relative to the checkout, so that a fresh clone finds what another one has compiled.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR}
      CCACHE_NOHASHDIR=1 ${HA_CCACHE})
endif()

add_library(ha_flags INTERFACE)
target_include_directories(ha_flags INTERFACE ${CMAKE_SOURCE_DIR} ${CMAKE_BINARY_DIR}/generated)
target_compile_options(ha_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual
  -Wimplicit-fallthrough -Wformat=2 -Wcast-align -fstack-protector-strong
  # GCC 12 takes moved-from alternatives of std::variant for uninitialized memory; the sanitizers watch.
  $<$<CXX_COMPILER_ID:GNU>:-Wduplicated-cond -Wlogical-op -Wuseless-cast -Wno-maybe-uninitialized>
  # With -O3 it also sees std::string copy over itself (GCC bug 105329).
  $<$<AND:$<CXX_COMPILER_ID:GNU>,$<CONFIG:Release>>:-Wno-restrict>
  $<$<CXX_COMPILER_ID:Clang>:-Wthread-safety>
  $<$<BOOL:${HA_WERROR}>:-Werror>)
target_compile_definitions(ha_flags INTERFACE _GLIBCXX_ASSERTIONS _FILE_OFFSET_BITS=64
  $<$<NOT:$<CONFIG:Debug>>:_FORTIFY_SOURCE=2>)
target_link_options(ha_flags INTERFACE -Wl,-z,relro -Wl,-z,now)

find_program(HA_LLD ld.lld)
if(HA_LLD)
  target_link_options(ha_flags INTERFACE -fuse-ld=lld)
endif()

set(HA_SANITIZE "" CACHE STRING "Sanitizers, e.g. address,undefined or thread")
if(HA_SANITIZE)
  # Whole-build flags, so that a third-party template instantiated in our objects is instrumented too.
  add_compile_options(-fsanitize=${HA_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${HA_SANITIZE})
endif()
