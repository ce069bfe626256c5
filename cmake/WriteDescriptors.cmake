# cmake -DIN=FILE -DOUT=FILE -DNAMESPACE=a::b -DHEADER=FILE -P WriteDescriptors.cmake

file(READ "${IN}" hex HEX)
# Pieces, for a literal of one long line is slow to read for compilers and people.
string(REPEAT "[0-9a-f]?" 31 more)
string(REGEX MATCHALL "[0-9a-f]${more}" pieces "${hex}")
set(text "")
foreach(piece IN LISTS pieces)
  string(REGEX REPLACE "(..)" "\\\\x\\1" escaped "${piece}")
  string(APPEND text "\n      \"${escaped}\"")
endforeach()
file(WRITE "${OUT}" "#include \"${HEADER}\"

namespace ${NAMESPACE} {

std::string_view DescriptorSet() {
  static constexpr char kBytes[] =${text};
  return {kBytes, sizeof(kBytes) - 1};
}

}  // namespace ${NAMESPACE}
")
