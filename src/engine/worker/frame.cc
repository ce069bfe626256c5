#include "engine/worker/frame.h"

#include <bit>
#include <cstring>
#include <utility>

#include "base/utf8.h"
#include "engine/worker/limits.h"

namespace slipway::engine::worker {
namespace {

static_assert(std::endian::native == std::endian::little);

// Numbers of frames, in the order of the variant.
constexpr uint32_t kFirstType = 1;

Error Broken(std::string what) {
  return DataLoss("WORKER_FRAME", "the worker broke the protocol: " + std::move(what));
}

class Writer {
 public:
  explicit Writer(std::string& out) : out_(out) {}

  template <class T>
  void Number(T number) {
    out_.append(reinterpret_cast<const char*>(&number), sizeof(number));
  }
  void Flag(bool flag) { Number<uint32_t>(flag ? 1 : 0); }
  void Text(std::string_view text) {
    Number(static_cast<uint32_t>(text.size()));
    out_.append(text);
  }
  void Dims(const tensor::Shape& shape) {
    Number(static_cast<uint32_t>(shape.rank()));
    for (const int64_t dim : shape.dims()) Number(dim);
  }
  void Places(const std::vector<TensorPlace>& places) {
    Number(static_cast<uint32_t>(places.size()));
    for (const TensorPlace& place : places) {
      Number(place.index);
      Number(static_cast<uint32_t>(place.type));
      Dims(place.shape);
      Number(place.offset);
      Number(place.size_bytes);
    }
  }
  void Specs(const std::vector<tensor::TensorSpec>& specs) {
    Number(static_cast<uint32_t>(specs.size()));
    for (const tensor::TensorSpec& spec : specs) {
      Text(spec.name);
      Number(static_cast<uint32_t>(spec.type));
      Dims(spec.shape);
      for (size_t i = 0; i < spec.shape.rank(); ++i) {
        Text(spec.symbols.empty() ? "" : spec.symbols[i]);
      }
    }
  }

  void Body(const LoadFrame& frame) {
    Number(frame.protocol);
    Number(frame.threads);
    Number(static_cast<uint32_t>(frame.gpu));
    Text(frame.format);
    Text(frame.path);
    Text(frame.plugins);
  }
  void Body(const OpenFrame& frame) { Number(frame.session); }
  void Body(const InterruptFrame& frame) {
    Number(frame.session);
    Number(frame.run);
  }
  void Body(const RunFrame& frame) {
    Number(frame.run);
    Number(frame.deadline_ns);
    Flag(frame.has_new_input);
    Flag(frame.has_new_output);
    Places(frame.inputs);
    Number(static_cast<uint32_t>(frame.wanted.size()));
    for (const uint32_t index : frame.wanted) Number(index);
  }
  void Body(const RoomFrame&) {}
  void Body(const NextFrame&) {}
  void Body(const LoadedFrame& frame) {
    Number(frame.protocol);
    Flag(frame.decoupled);
    Text(frame.platform);
    Specs(frame.signature.inputs);
    Specs(frame.signature.outputs);
  }
  void Body(const FailedFrame& frame) {
    Number(static_cast<uint32_t>(frame.code));
    Text(frame.reason);
    Text(frame.message);
  }
  void Body(const DoneFrame& frame) {
    Number(frame.run);
    Flag(frame.last);
    Places(frame.outputs);
  }
  void Body(const NeedFrame& frame) {
    Number(frame.run);
    Number(frame.size_bytes);
  }
  void Body(const DropFrame& frame) {
    Flag(frame.input);
    Flag(frame.output);
  }

 private:
  std::string& out_;
};

// What is wrong is kept; what is read then is zero.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  template <class T>
  T Number() {
    T number{};
    if (rest_.size() < sizeof(T)) {
      Fail("it ends early");
      return number;
    }
    std::memcpy(&number, rest_.data(), sizeof(T));
    rest_.remove_prefix(sizeof(T));
    return number;
  }
  bool Flag() { return Number<uint32_t>() != 0; }
  std::string Text() {
    const auto size = Number<uint32_t>();
    if (size > rest_.size()) {
      Fail("a text is longer than the frame");
      return {};
    }
    std::string text(rest_.substr(0, size));
    rest_.remove_prefix(size);
    if (FindInvalidUtf8(text)) Fail("a text is not UTF-8");
    return text;
  }
  uint32_t Count() {
    const auto count = Number<uint32_t>();
    if (count <= kMaxTensors) return count;
    Fail("there are more than " + std::to_string(kMaxTensors) + " tensors");
    return 0;
  }
  tensor::DataType Type() {
    const auto type = tensor::DataTypeFromNumber(Number<uint32_t>());
    if (!type) Fail("a tensor has an unknown type");
    return type.value_or(tensor::DataType::kFp32);
  }
  tensor::Shape Dims() {
    const auto rank = Number<uint32_t>();
    tensor::Shape shape;
    if (rank > tensor::kMaxRank) Fail("a tensor has too many dimensions");
    for (uint32_t i = 0; i < rank && !failed(); ++i) (void)shape.Append(Number<int64_t>());
    return shape;
  }
  std::vector<TensorPlace> Places() {
    std::vector<TensorPlace> places;
    const uint32_t count = Count();
    for (uint32_t i = 0; i < count && !failed(); ++i) {
      TensorPlace& place = places.emplace_back();
      place.index = Number<uint32_t>();
      place.type = Type();
      place.shape = Dims();
      place.offset = Number<uint64_t>();
      place.size_bytes = Number<uint64_t>();
    }
    return places;
  }
  std::vector<tensor::TensorSpec> Specs() {
    std::vector<tensor::TensorSpec> specs;
    const uint32_t count = Count();
    for (uint32_t i = 0; i < count && !failed(); ++i) {
      tensor::TensorSpec& spec = specs.emplace_back();
      spec.name = Text();
      spec.type = Type();
      spec.shape = Dims();
      for (size_t d = 0; d < spec.shape.rank(); ++d) spec.symbols.push_back(Text());
    }
    return specs;
  }

  void Body(LoadFrame& frame) {
    frame.protocol = Number<uint32_t>();
    frame.threads = Number<uint32_t>();
    frame.gpu = static_cast<int32_t>(Number<uint32_t>());
    frame.format = Text();
    frame.path = Text();
    frame.plugins = Text();
  }
  void Body(OpenFrame& frame) { frame.session = Number<uint32_t>(); }
  void Body(InterruptFrame& frame) {
    frame.session = Number<uint32_t>();
    frame.run = Number<uint64_t>();
  }
  void Body(RunFrame& frame) {
    frame.run = Number<uint64_t>();
    frame.deadline_ns = Number<int64_t>();
    frame.has_new_input = Flag();
    frame.has_new_output = Flag();
    frame.inputs = Places();
    const uint32_t wanted = Count();
    for (uint32_t i = 0; i < wanted && !failed(); ++i) frame.wanted.push_back(Number<uint32_t>());
  }
  void Body(RoomFrame&) {}
  void Body(NextFrame&) {}
  void Body(LoadedFrame& frame) {
    frame.protocol = Number<uint32_t>();
    frame.decoupled = Flag();
    frame.platform = Text();
    frame.signature.inputs = Specs();
    frame.signature.outputs = Specs();
  }
  void Body(FailedFrame& frame) {
    const auto code = Number<uint32_t>();
    const bool known = code >= 1 && code <= 16;
    frame.code = known ? static_cast<Code>(code) : Code::kInternal;
    frame.reason = Text();
    frame.message = Text();
  }
  void Body(DoneFrame& frame) {
    frame.run = Number<uint64_t>();
    frame.last = Flag();
    frame.outputs = Places();
  }
  void Body(NeedFrame& frame) {
    frame.run = Number<uint64_t>();
    frame.size_bytes = Number<uint64_t>();
    if (frame.size_bytes > kMaxSegmentBytes) Fail("it asks for too much room");
  }
  void Body(DropFrame& frame) {
    frame.input = Flag();
    frame.output = Flag();
  }

  void Fail(std::string what) {
    if (problem_.empty()) problem_ = std::move(what);
  }
  bool failed() const { return !problem_.empty(); }
  const std::string& problem() const { return problem_; }
  bool at_end() const { return rest_.empty(); }

 private:
  std::string_view rest_;
  std::string problem_;
};

// Alternative `type` of the variant, default-made.
template <size_t... kIndex>
Frame MakeFrame(size_t type, std::index_sequence<kIndex...>) {
  Frame frame;
  (void)((type == kIndex ? (frame.emplace<kIndex>(), true) : false) || ...);
  return frame;
}

}  // namespace

Result<std::string> EncodeFrame(const Frame& frame) {
  std::string out;
  Writer writer(out);
  writer.Number(static_cast<uint32_t>(frame.index()) + kFirstType);
  std::visit([&writer](const auto& body) { writer.Body(body); }, frame);
  if (out.size() <= kMaxFrameBytes) return out;
  return ResourceExhausted("WORKER_FRAME",
                           "the tensors of the model take more words than the " +
                               std::to_string(kMaxFrameBytes >> 10) +
                               " KiB of a message to a worker: serve it with isolation shared");
}

Result<Frame> DecodeFrame(std::string_view bytes) {
  Reader reader(bytes);
  const auto type = reader.Number<uint32_t>();
  constexpr size_t kTypes = std::variant_size_v<Frame>;
  if (reader.failed() || type < kFirstType || type >= kFirstType + kTypes) {
    return Broken("a frame of the unknown type " + std::to_string(type));
  }
  Frame frame = MakeFrame(type - kFirstType, std::make_index_sequence<kTypes>());
  std::visit([&reader](auto& body) { reader.Body(body); }, frame);
  if (!reader.failed() && !reader.at_end()) reader.Fail("it goes on after its end");
  if (reader.failed()) return Broken(reader.problem());
  return frame;
}

}  // namespace slipway::engine::worker
