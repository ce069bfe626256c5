#include "engine/onnxruntime/ort_strings.h"

#include <cstring>
#include <vector>

namespace slipway::engine::ort {
namespace {

struct Block {
  std::vector<char> text;
  std::vector<SlipwayString> strings;
};

}  // namespace

Result<ValuePtr> MakeStrings(const SlipwayTensor& tensor) {
  const OrtApi& api = Api();
  OrtAllocator* allocator = nullptr;
  TRY_VOID(Check(api.GetAllocatorWithDefaultOptions(&allocator), Step::kRun));
  ValuePtr value;
  TRY_VOID(Check(api.CreateTensorAsOrtValue(allocator, tensor.dims, tensor.rank,
                                            ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING, Out(value)),
                 Step::kRun));
  for (uint64_t i = 0; i < tensor.element_count; ++i) {
    const SlipwayString& element = tensor.strings[i];
    char* room = nullptr;
    TRY_VOID(Check(api.GetResizedStringTensorElementBuffer(value.get(), i, element.size, &room),
                   Step::kRun));
    if (element.size > 0) std::memcpy(room, element.data, element.size);
  }
  return value;
}

Result<void> CopyStrings(const OrtValue* value, SlipwayTensor& tensor) {
  const OrtApi& api = Api();
  size_t size = 0;
  TRY_VOID(Check(api.GetStringTensorDataLength(value, &size), Step::kRun));
  auto block = std::make_unique<Block>();
  block->text.resize(size + 1);
  std::vector<size_t> offsets(tensor.element_count);
  if (tensor.element_count > 0) {
    TRY_VOID(Check(
        api.GetStringTensorContent(value, block->text.data(), size, offsets.data(), offsets.size()),
        Step::kRun));
  }
  block->strings.reserve(offsets.size() + 1);
  for (size_t i = 0; i < offsets.size(); ++i) {
    const size_t end = i + 1 < offsets.size() ? offsets[i + 1] : size;
    block->strings.push_back({block->text.data() + offsets[i], end - offsets[i]});
  }
  tensor.strings = block->strings.data();
  tensor.owner = block.release();
  tensor.release = [](void* owner) { delete static_cast<Block*>(owner); };
  return {};
}

}  // namespace slipway::engine::ort
