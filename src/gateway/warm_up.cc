#include "gateway/warm_up.h"

#include <chrono>
#include <cstring>
#include <filesystem>
#include <functional>
#include <numeric>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/file_system.h"
#include "base/format_check.h"
#include "base/random.h"
#include "engine/reasons.h"
#include "engine/run_watch.h"
#include "gateway/limits.h"
#include "gateway/model_config/describe.h"
#include "gateway/v2/binary_tensor.h"
#include "gateway/v2/request_parser.h"
#include "gateway/v2/signature_check.h"

namespace slipway::gateway {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr std::string_view kWarmUpFolder = "warmup";
constexpr uint64_t kSeed = 1;  // the same numbers at each start

Error Failed(const std::string& what, const Error& cause) {
  return FailedPrecondition(std::string(engine::kWarmUpFailed), what + ": " + cause.message())
      .CausedBy(cause);
}

Error Invalid(const std::string& problem) {
  return InvalidArgument("WARM_UP_INVALID", problem);
}

// One model, and how long all of its warm-up may take.
class Runner {
 public:
  Runner(engine::LoadedModel& model, const std::stop_token& stop, std::chrono::milliseconds time)
      : model_(model), watch_(stop), time_(time), end_(Clock::now() + time) {}

  const tensor::Signature& signature() const { return model_.signature(); }

  Result<void> Run(const v2::InferRequest& request) {
    if (Clock::now() >= end_) return TooLong();
    TRY(session, model_.Borrow());
    std::vector<tensor::Tensor> outputs(request.wanted.size());
    // A model may answer often: nobody looks.
    const std::function<void()> on_part = [] {};
    Result<void> ran = watch_.RunAndWait(*session, {.inputs = request.inputs,
                                                    .wanted = request.wanted,
                                                    .outputs = outputs,
                                                    .deadline = end_,
                                                    .on_part = &on_part});
    if (ran.has_error() && ran.error().code() == Code::kDeadlineExceeded) return TooLong();
    return ran;
  }

 private:
  Error TooLong() const {
    return {Code::kDeadlineExceeded, "WARM_UP_LONG",
            "all warm-up together took longer than " + std::to_string(time_.count()) +
                " ms: use fewer requests, or such that end sooner"};
  }

  engine::LoadedModel& model_;
  engine::RunWatch watch_;
  const std::chrono::milliseconds time_;
  const Clock::time_point end_;
};

// A regular file within `folder`, wherever links lead.
Result<std::string> ReadFileIn(const fs::path& folder, const std::string& name, uint64_t limit) {
  TRY_VOID(CheckFormat("file-path", name, "file"));
  std::error_code error;
  const fs::path root = fs::canonical(folder, error);
  const fs::path path = error ? fs::path() : fs::canonical(root / name, error);
  if (error) return NotFound("WARM_UP_FILE", "there is no file " + Quoted(name));
  const auto [end, below] = std::mismatch(root.begin(), root.end(), path.begin(), path.end());
  if (end != root.end() || !fs::is_regular_file(path, error)) {
    return Invalid(Quoted(name) + " is no file of the model's own");
  }
  return ReadWholeFile(PosixFileSystem(), path.native(), limit);
}

// Where Triton has it: beside the versions; or in the folder of the model's files.
Result<std::string> ReadSampleFile(const runtime::ServingRevision& settings,
                                   const std::string& name) {
  const fs::path beside = fs::path(settings.path).parent_path() / kWarmUpFolder;
  std::error_code error;
  const bool is_beside = fs::exists(beside / name, error);
  return ReadFileIn(is_beside ? beside : fs::path(settings.path) / kWarmUpFolder, name,
                    kMaxWarmUpFileBytes);
}

// An element with a number that models take: 0 to 127, or at least a half and below 1.
void AppendRandom(tensor::DataType type, Random& random, std::string& out) {
  std::string element(ElementSize(type), '\0');
  const uint64_t bits = random.Next();
  const auto put = [&element](auto value) { std::memcpy(element.data(), &value, sizeof value); };
  switch (type) {
    case tensor::DataType::kFp16:
      put(static_cast<uint16_t>(0x3800 | (bits & 0x3ff)));
      break;
    case tensor::DataType::kBf16:
      put(static_cast<uint16_t>(0x3f00 | (bits & 0x7f)));
      break;
    case tensor::DataType::kFp32:
      put(0.5F + static_cast<float>(bits & 0xffff) / 0x20000);
      break;
    case tensor::DataType::kFp64:
      put(0.5 + static_cast<double>(bits & 0xffff) / 0x20000);
      break;
    case tensor::DataType::kBool:
      element[0] = static_cast<char>(bits & 1);
      break;
    default:
      element[0] = static_cast<char>(bits & 0x7f);
  }
  out += element;
}

// The elements of one row of an input, as the configuration wants them. BYTES have no random ones,
// as with Triton.
Result<std::string> RowBytes(const Json& input, tensor::DataType type, uint64_t elements,
                             const runtime::ServingRevision& settings, Random& random) {
  const std::string file = input.value("input_data_file", std::string());
  if (!file.empty()) return ReadSampleFile(settings, file);
  const bool is_text = type == tensor::DataType::kBytes;
  const bool is_random = input.value("random_data", false) && !is_text;
  if (!is_random && !input.value("zero_data", false) && !input.value("random_data", false)) {
    return Invalid("one of zero_data: true, random_data: true and input_data_file is wanted");
  }
  std::string bytes;
  if (!is_random) bytes.assign(elements * (is_text ? sizeof(uint32_t) : ElementSize(type)), '\0');
  for (uint64_t i = 0; is_random && i < elements; ++i) AppendRandom(type, random, bytes);
  return bytes;
}

// `bytes` are those of the tensor, which shows them.
Result<void> FillInput(const Json& input, int64_t rows, const v2::ModelFace& face, size_t position,
                       const runtime::ServingRevision& settings, Random& random, std::string& bytes,
                       tensor::Tensor& out) {
  const tensor::TensorSpec& spec = face.signature.inputs[position];
  const std::string type = input.value("data_type", std::string());
  std::string_view name = type;
  if (name.starts_with("TYPE_")) name.remove_prefix(5);
  TRY_VOID(v2::CheckType(face, position, name == "STRING" ? "BYTES" : name));
  tensor::Shape row;
  tensor::Shape shape;
  if (rows > 0) (void)shape.Append(rows);
  for (const Json& dim : input.value("dims", Json::array())) {
    const int64_t size = dim.get<int64_t>();
    if (size < 0 || !row.Append(size) || !shape.Append(size)) {
      return Invalid("dims are sizes, not below 0, and few");
    }
  }
  TRY(elements, v2::CheckShape(face, position, shape));
  if (elements > kMaxWarmUpFileBytes) return Invalid("it has too many elements");
  const auto times = static_cast<uint64_t>(std::max<int64_t>(rows, 1));
  TRY(one, RowBytes(input, spec.type, elements / times, settings, random));
  if (one.size() * times > kMaxWarmUpFileBytes) return Invalid("its rows are too many");
  bytes.clear();
  for (uint64_t i = 0; i < times; ++i) bytes += one;
  return v2::ReadBinary(spec.name, spec.type, shape, bytes, out);
}

// A sample of `model_warmup`.
Result<void> RunSample(const Json& sample, const Json& config, Runner& runner,
                       const runtime::ServingRevision& settings, Random& random) {
  const tensor::Signature& signature = runner.signature();
  const v2::ModelFace face{.name = "the model", .signature = signature};
  const bool has_batch = config.value("max_batch_size", int64_t{0}) > 0;
  const int64_t rows = has_batch ? std::max<int64_t>(sample.value("batch_size", int64_t{0}), 1) : 0;
  v2::InferRequest request;
  request.Clear(signature);
  std::vector<uint8_t> seen(signature.inputs.size());
  std::vector<std::string> bytes(signature.inputs.size());
  const Json inputs = sample.value("inputs", Json::object());
  for (const auto& [name, input] : inputs.items()) {
    TRY(position, v2::TakeInput(face, name, seen));
    const Result<void> filled = FillInput(input, rows, face, position, settings, random,
                                          bytes[position], request.inputs[position]);
    if (filled.has_error()) return filled.error().Prefixed("input '" + name + "': ");
  }
  TRY_VOID(v2::CheckComplete(face, seen));
  request.WantAll(signature, {});
  const int64_t count = std::max<int64_t>(sample.value("count", int64_t{0}), 1);
  if (count > int64_t{kMaxWarmUpRequests}) {
    return Invalid("count: at most " + std::to_string(kMaxWarmUpRequests));
  }
  for (int64_t i = 0; i < count; ++i) TRY_VOID(runner.Run(request));
  return {};
}

Result<void> RunSamples(Runner& runner, const runtime::ServingRevision& settings) {
  TRY(config, model_config::ConfigOf(settings));
  const auto samples = config.find("model_warmup");
  if (samples == config.end()) return {};
  const std::unique_ptr<Random> random = MakeSeededRandom(kSeed);
  for (const Json& sample : *samples) {
    const Result<void> ran = RunSample(sample, config, runner, settings, *random);
    if (ran.has_value()) continue;
    return Failed("warm-up sample " + Quoted(sample.value("name", std::string())), ran.error());
  }
  return {};
}

Result<void> RunLine(std::string_view line, v2::RequestParser& parser, Runner& runner) {
  std::string body(line);
  body.reserve(body.size() + v2::kBodyPadding);
  v2::InferRequest request;
  TRY_VOID(parser.Parse(body, {}, {.name = "the model", .signature = runner.signature()}, request));
  if (!request.shared_inputs.empty() || !request.shared_outputs.empty()) {
    return Invalid("there is no shared memory before the model serves");
  }
  return runner.Run(request);
}

Result<void> RunFile(Runner& runner, const runtime::ServingRevision& settings) {
  const std::string& name = settings.warmup;
  if (name.empty()) return {};
  Result<std::string> text = ReadFileIn(settings.path, name, kMaxWarmUpFileBytes);
  if (text.has_error()) return Failed("warm-up file " + Quoted(name), text.error());
  v2::RequestParser parser;
  size_t number = 0;
  size_t requests = 0;
  for (std::string_view rest = *text; !rest.empty();) {
    const size_t end = rest.find('\n');
    const std::string_view line = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    ++number;
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    const Result<void> ran =
        ++requests > kMaxWarmUpRequests
            ? Invalid("a file has at most " + std::to_string(kMaxWarmUpRequests) + " requests")
            : RunLine(line, parser, runner);
    if (ran.has_error()) {
      return Failed("warm-up file " + Quoted(name) + ", line " + std::to_string(number),
                    ran.error());
    }
  }
  if (requests > 0) return {};
  return Failed("warm-up file " + Quoted(name),
                Invalid("it has no requests: one V2 request a line"));
}

}  // namespace

Result<void> WarmUp(engine::LoadedModel& model, const runtime::ServingRevision& settings,
                    const std::stop_token& stop, std::chrono::milliseconds time) {
  Runner runner(model, stop, time);
  TRY_VOID(RunSamples(runner, settings));
  return RunFile(runner, settings);
}

}  // namespace slipway::gateway
