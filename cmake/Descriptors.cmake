# slipway_descriptors(TARGET FOLDER NAMESPACE): embeds what protoc makes of src/FOLDER/proto/*.proto
# as the bytes that NAMESPACE::DescriptorSet() of src/FOLDER/descriptors.h gives. No message of them
# is compiled: the program reads and writes the wire itself.

find_program(SLIPWAY_PROTOC protoc REQUIRED)
mark_as_advanced(SLIPWAY_PROTOC)

function(slipway_descriptors target folder namespace)
  if(NOT TARGET ${target})
    return()
  endif()
  set(source "${CMAKE_SOURCE_DIR}/src/${folder}/proto")
  file(GLOB files CONFIGURE_DEPENDS RELATIVE "${source}" "${source}/*.proto")
  list(TRANSFORM files PREPEND "${source}/" OUTPUT_VARIABLE paths)
  set(set "${slipway_generated}/${folder}/descriptors.bin")
  set(out "${slipway_generated}/${folder}/descriptors.cc")
  get_filename_component(out_folder "${out}" DIRECTORY)
  file(MAKE_DIRECTORY "${out_folder}")
  add_custom_command(
    OUTPUT "${out}"
    COMMAND "${SLIPWAY_PROTOC}" "--proto_path=${source}" "--descriptor_set_out=${set}" ${files}
    COMMAND "${CMAKE_COMMAND}" "-DIN=${set}" "-DOUT=${out}" "-DNAMESPACE=${namespace}"
            "-DHEADER=${folder}/descriptors.h" -P
            "${CMAKE_CURRENT_FUNCTION_LIST_DIR}/WriteDescriptors.cmake"
    DEPENDS ${paths} "${CMAKE_CURRENT_FUNCTION_LIST_DIR}/WriteDescriptors.cmake"
    VERBATIM)
  target_sources(${target} PRIVATE "${out}")
endfunction()
