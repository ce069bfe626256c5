// The one unit that includes headers of libtorch, which take a minute to compile.
#include "engine/torch/torch_model.h"

#include <dlfcn.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <exception>
#include <filesystem>
#include <map>
#include <new>
#include <optional>
#include <span>
#include <vector>

#include <ATen/Parallel.h>
#include <caffe2/serialize/inline_container.h>
#include <torch/script.h>

#include "engine/plugin_support.h"
#include "engine/reasons.h"
#include "engine/statement_file.h"
#include "engine/torch/stated_model.h"
#include "tensor/data_type.h"

// Of the library libgomp, with which libtorch comes; the compiler's own has another header.
extern "C" void omp_set_num_threads(int threads);

namespace slipway::engine::torch_engine {
namespace {

namespace fs = std::filesystem;
using c10::TypeKind;
using tensor::DataType;

constexpr size_t kMaxCodeBytes = size_t{64} << 20;

struct Row {
  DataType ours;
  at::ScalarType theirs;
};
constexpr std::array kRows = {
    Row{DataType::kBool, at::kBool},     Row{DataType::kUint8, at::kByte},
    Row{DataType::kUint16, at::kUInt16}, Row{DataType::kUint32, at::kUInt32},
    Row{DataType::kUint64, at::kUInt64}, Row{DataType::kInt8, at::kChar},
    Row{DataType::kInt16, at::kShort},   Row{DataType::kInt32, at::kInt},
    Row{DataType::kInt64, at::kLong},    Row{DataType::kFp16, at::kHalf},
    Row{DataType::kFp32, at::kFloat},    Row{DataType::kFp64, at::kDouble},
    Row{DataType::kBf16, at::kBFloat16},
};

std::optional<DataType> FromTorch(at::ScalarType type) {
  const auto* const row = std::ranges::find(kRows, type, &Row::theirs);
  return row == kRows.end() ? std::nullopt : std::optional(row->ours);
}

at::ScalarType ToTorch(DataType type) {
  const auto* const row = std::ranges::find(kRows, type, &Row::ours);
  return row == kRows.end() ? at::ScalarType::Undefined : row->theirs;
}

// What an exception of the library says, without the places in its own sources: of a model's own
// error the last line, as that is what its author wrote.
std::string Words(const std::exception& exception) {
  const auto* const theirs = dynamic_cast<const c10::Error*>(&exception);
  std::string text = theirs != nullptr ? theirs->what_without_backtrace() : exception.what();
  // The interpreter puts the code before it, and the error itself into the last line.
  constexpr std::string_view kInterpreter = "The following operation failed";
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  if (text.starts_with(kInterpreter)) text.erase(0, text.rfind('\n') + 1);
  std::ranges::replace(text, '\n', ' ');
  return text;
}

Error LoadError(const fs::path& path, const std::string& what) {
  return InvalidArgument("MODEL_INVALID", "cannot load " + path.filename().native() + ": " + what);
}

// The library finds records whatever the case of their names.
bool IsCode(std::string name) {
  for (char& c : name) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return name.starts_with("code/") && name.ends_with(".py");
}

// Code of the archive runs while it is loaded (__setstate__): it is looked at before.
Result<void> CheckArchive(const fs::path& path) {
  caffe2::serialize::PyTorchStreamReader reader(path.native());
  if (!reader.hasRecord("constants.pkl")) {
    return LoadError(path,
                     "it has weights or objects and no TorchScript: write it with "
                     "torch.jit.script(model).save(FILE) or torch.jit.trace");
  }
  // Archives of 2019 keep their code elsewhere.
  if (reader.hasRecord("model.json")) {
    return LoadError(path, "it was written by PyTorch 1.1 or older: export it again");
  }
  size_t total = 0;
  for (const std::string& name : reader.getAllRecords()) {
    if (!IsCode(name)) continue;
    total += reader.getRecordSize(name);
    if (total > kMaxCodeBytes) {
      return LoadError(path, "its code has more than " + std::to_string(kMaxCodeBytes) + " bytes");
    }
    const auto [data, size] = reader.getRecord(name);
    const std::string_view word = FileAccessIn({static_cast<const char*>(data.get()), size});
    if (word.empty()) continue;
    return InvalidArgument("MODEL_UNSAFE",
                           path.filename().native() + ": " + name + " uses the name '" +
                               std::string(word) +
                               "', an operator that reads or writes files of its own choice: "
                               "export the model without it");
  }
  return {};
}

// Whether the argument can be given a tensor of the stated type.
bool Takes(const c10::Argument& argument, DataType type) {
  c10::TypePtr wanted = argument.type();
  if (const auto optional = wanted->cast<c10::OptionalType>()) wanted = optional->getElementType();
  if (type != DataType::kBytes) {
    return wanted->kind() == TypeKind::TensorType || wanted->kind() == TypeKind::IntType ||
           wanted->kind() == TypeKind::FloatType || wanted->kind() == TypeKind::BoolType;
  }
  const auto list = wanted->cast<c10::ListType>();
  return list != nullptr && list->getElementType()->kind() == TypeKind::StringType;
}

// Attributes of a module and of those in it, for one who may change them; tensors are shared.
c10::intrusive_ptr<c10::ivalue::Object> OwnAttributes(
    const c10::intrusive_ptr<c10::ivalue::Object>& from,
    std::map<const void*, c10::intrusive_ptr<c10::ivalue::Object>>& done) {
  auto& copy = done[from.get()];
  if (copy) return copy;
  copy = from->copy();
  const auto own = copy;
  for (size_t i = 0; i < own->slots().size(); ++i) {
    const c10::IValue value = own->getSlot(i);
    if (value.isObject() && value.toObject()->type()->is_module()) {
      own->setSlot(i, OwnAttributes(value.toObject(), done));
    }
  }
  return own;
}

// Threads of a run are a property of the thread that it begins on.
void UseThreads(int threads) {
  thread_local int used = 0;
  if (used == threads) return;
  // The library sets its own number once for each thread, which must not come later.
  (void)at::get_num_threads();
  omp_set_num_threads(threads);
  used = threads;
}

struct StringBlock {
  std::vector<std::string> texts;
  std::vector<SlipwayString> strings;
};

void CopyStrings(const c10::List<std::string>& list, SlipwayTensor& out) {
  auto block = std::make_unique<StringBlock>();
  for (size_t i = 0; i < list.size(); ++i) block->texts.push_back(list.get(i));
  block->strings.reserve(block->texts.size() + 1);
  for (const std::string& text : block->texts) block->strings.push_back({text.data(), text.size()});
  out.rank = 1;
  out.dims[0] = static_cast<int64_t>(block->texts.size());
  out.element_count = block->texts.size();
  out.strings = block->strings.data();
  out.owner = block.release();
  out.release = [](void* owner) { delete static_cast<StringBlock*>(owner); };
}

void CopyNumbers(const at::Tensor& tensor, SlipwayTensor& out) {
  const c10::IntArrayRef dims = tensor.sizes();
  const bool foreseen =
      out.data != nullptr && std::ranges::equal(dims, std::span(out.dims, out.rank));
  out.rank = static_cast<uint32_t>(dims.size());
  std::ranges::copy(dims, out.dims);
  out.element_count = static_cast<uint64_t>(tensor.numel());
  out.size_bytes = tensor.nbytes();
  if (!foreseen) {
    // One byte at least: no data means no room to the host.
    auto memory = std::make_unique<char[]>(std::max<size_t>(out.size_bytes, 1));
    out.data = memory.get();
    out.owner = memory.release();
    out.release = [](void* owner) { delete[] static_cast<char*>(owner); };
  }
  if (out.size_bytes > 0) std::memcpy(out.data, tensor.const_data_ptr(), out.size_bytes);
}

// Tensors, numbers and lists of texts in the order in which tuples and lists have them. Members of
// a dictionary go to the output of their name.
void Flatten(const c10::IValue& value, const std::vector<tensor::TensorSpec>& specs,
             std::vector<c10::IValue>& out) {
  if (value.isTuple()) {
    for (const c10::IValue& part : value.toTupleRef().elements()) Flatten(part, specs, out);
  } else if (value.isGenericDict()) {
    out.resize(specs.size());
    for (const auto& entry : value.toGenericDict()) {
      if (!entry.key().isString()) continue;
      const auto at = tensor::FindSpec(specs, entry.key().toStringRef());
      if (at) out[*at] = entry.value();
    }
  } else if (value.isTensorList() ||
             (value.isList() && !value.toListRef().empty() && !value.toListRef()[0].isString())) {
    for (const c10::IValue& part : value.toListRef()) Flatten(part, specs, out);
  } else {
    out.push_back(value);
  }
}

Result<void> GiveOutput(const c10::IValue& value, const tensor::TensorSpec& spec,
                        SlipwayTensor& out) {
  const auto fail = [&](const std::string& what) {
    return Internal("RUN_FAILED", "output '" + spec.name + "': " + what);
  };
  if (spec.type == DataType::kBytes) {
    if (!value.isList()) return fail("the model gave no list of texts");
    CopyStrings(c10::impl::toTypedList<std::string>(value.toList()), out);
    return {};
  }
  if (!value.isTensor() && !value.isScalar()) {
    return fail("the model gave " + value.tagKind() + " where it states a tensor");
  }
  at::Tensor tensor = value.isTensor() ? value.toTensor() : at::scalar_tensor(value.toScalar());
  if (!tensor.defined() || tensor.is_sparse() || tensor.is_quantized()) {
    return fail("the model gave a tensor that is undefined, sparse or quantised");
  }
  if (!value.isTensor()) tensor = tensor.to(ToTorch(spec.type));
  const std::optional<DataType> type = FromTorch(tensor.scalar_type());
  if (!type || *type != spec.type) {
    return fail("the model gave " + std::string(at::toString(tensor.scalar_type())) +
                ", its signature states " + std::string(tensor::DataTypeName(spec.type)));
  }
  tensor::Shape shape;
  for (const int64_t dim : tensor.sizes()) {
    if (!shape.Append(dim)) return fail("the model gave a tensor of too many dimensions");
  }
  if (!tensor::Matches(spec, shape)) {
    return fail("the model gave the shape " + shape.ToString() + ", its signature states " +
                spec.shape.ToString());
  }
  CopyNumbers(tensor.cpu().contiguous(), out);
  return {};
}

}  // namespace

struct TorchModel::Parts {
  torch::jit::Module module;
  std::string method;
  int threads = 1;
  std::vector<size_t> positions;  // of the input for each argument; npos: left to its default
  static constexpr size_t kDefault = static_cast<size_t>(-1);

  // Arguments are found by name; where none has the name of an input, in order.
  Result<void> BindArguments(const std::vector<tensor::TensorSpec>& inputs);
};

struct TorchRun::Parts {
  TorchModel& model;
  torch::jit::Module module;
};

Result<void> TorchModel::Parts::BindArguments(const std::vector<tensor::TensorSpec>& inputs) {
  const auto found = module.find_method(method);
  if (!found) {
    return InvalidArgument("MODEL_INVALID", "the model has no method '" + method + "'");
  }
  const std::vector<c10::Argument>& arguments = found->function().getSchema().arguments();
  size_t named = 0;
  for (const c10::Argument& argument : arguments) {
    named += tensor::FindSpec(inputs, argument.name()) ? 1U : 0U;
  }
  if ((named > 0 && named < inputs.size()) || inputs.size() + 1 > arguments.size()) {
    std::string names;
    for (size_t i = 1; i < arguments.size(); ++i) {
      names += (names.empty() ? "" : ", ") + arguments[i].name();
    }
    return InvalidArgument("SIGNATURE_INVALID", "the inputs that are stated are not those of " +
                                                    method + "(" + names + ")");
  }
  for (size_t i = 1; i < arguments.size(); ++i) {
    const c10::Argument& argument = arguments[i];
    const auto by_name = tensor::FindSpec(inputs, argument.name());
    const size_t at = by_name ? *by_name : (named == 0 && i <= inputs.size() ? i - 1 : kDefault);
    positions.push_back(at);
    if (at == kDefault ? argument.default_value().has_value() : Takes(argument, inputs[at].type)) {
      continue;
    }
    return InvalidArgument(
        "SIGNATURE_INVALID",
        "argument '" + argument.name() + "' of " + method + " is a " + argument.type()->str() +
            (at == kDefault
                 ? ", and no input is stated for it"
                 : ": an input of type " + std::string(tensor::DataTypeName(inputs[at].type)) +
                       " cannot be given for it"));
  }
  return {};
}

Result<void> OpenLibrary(const SlipwayHost&) {
  at::set_num_threads(1);
  // Its threads would come in addition to those that runs have.
  if (void* library = dlopen("libopenblas.so.0", RTLD_NOW | RTLD_NOLOAD); library != nullptr) {
    using SetThreads = void (*)(int);
    const auto set = reinterpret_cast<SetThreads>(dlsym(library, "openblas_set_num_threads"));
    if (set != nullptr) set(1);
  }
  return {};
}

std::string Devices() {
  return "CPU";
}

TorchModel::TorchModel() : parts_(std::make_unique<Parts>()) {}
TorchModel::~TorchModel() = default;

Result<std::unique_ptr<TorchModel>> TorchModel::Load(const SlipwayLoadOptions& options) {
  const fs::path path(options.path);
  std::unique_ptr<TorchModel> model(new TorchModel());
  Parts& parts = *model->parts_;
  try {
    TRY_VOID(CheckArchive(path));
    torch::jit::ExtraFilesMap extra;
    for (const std::string_view name : tensor::kStatementFiles) extra[std::string(name)] = "";
    parts.module = torch::jit::load(path.native(), at::kCPU, extra);
    parts.module.eval();
    parts.threads = static_cast<int>(std::clamp(options.threads, 1U, 1024U));
    TRY(statement, ReadStatement(path.parent_path()));
    for (const std::string_view name : tensor::kStatementFiles) {
      const std::string& text = extra[std::string(name)];
      if (statement.text.empty() && !text.empty()) statement = {std::string(name), text};
    }
    if (statement.text.empty()) {
      return InvalidArgument("SIGNATURE_MISSING",
                             path.filename().native() +
                                 " does not say the types and shapes of its tensors: put a "
                                 "model.yaml with a signature beside it (docs/engines.md)");
    }
    TRY(stated, ParseStatedModel(statement.file, statement.text));
    parts.method = std::move(stated.method);
    TRY_VOID(parts.BindArguments(stated.signature.inputs));
    model->info_ = std::make_unique<PluginInfo>(std::move(stated.signature), true);
  } catch (const std::bad_alloc&) {
    return Error(Code::kResourceExhausted, kOutOfMemory,
                 "there is not enough memory to load " + path.filename().native());
  } catch (const std::exception& exception) {
    return LoadError(path, "libtorch: " + Words(exception));
  }
  return model;
}

TorchRun::TorchRun() = default;
TorchRun::~TorchRun() = default;

Result<std::unique_ptr<TorchRun>> TorchRun::Open(TorchModel& model) {
  std::unique_ptr<TorchRun> run(new TorchRun());
  try {
    std::map<const void*, c10::intrusive_ptr<c10::ivalue::Object>> done;
    run->parts_.reset(new Parts{
        .model = model,
        .module = torch::jit::Module(OwnAttributes(model.parts().module._ivalue(), done))});
  } catch (const std::exception& exception) {
    return Error(Code::kResourceExhausted, "SESSION_FAILED", "libtorch: " + Words(exception));
  }
  return run;
}

void TorchRun::Start(SlipwayRun* run) {
  CompleteRun(run, Execute(run));
}

namespace {

// The input as the argument wants it. A copy: a model may change what it is given, or keep it.
c10::IValue ArgumentOf(const SlipwayTensor& input, const c10::Argument& argument) {
  const DataType type = *tensor::DataTypeFromNumber(input.type);
  if (type == DataType::kBytes) {
    c10::List<std::string> texts;
    texts.reserve(input.element_count);
    for (uint64_t i = 0; i < input.element_count; ++i) {
      texts.push_back(std::string(input.strings[i].data, input.strings[i].size));
    }
    return texts;
  }
  at::Tensor tensor = at::empty(c10::IntArrayRef(input.dims, input.rank), ToTorch(type));
  if (input.size_bytes > 0) std::memcpy(tensor.mutable_data_ptr(), input.data, input.size_bytes);
  c10::TypePtr wanted = argument.type();
  if (const auto optional = wanted->cast<c10::OptionalType>()) wanted = optional->getElementType();
  const TypeKind kind = wanted->kind();
  if (kind == TypeKind::TensorType) return tensor;
  TORCH_CHECK(tensor.numel() == 1, "argument '", argument.name(), "' is one number, the input has ",
              tensor.numel());
  if (kind == TypeKind::IntType) return tensor.item().toLong();
  if (kind == TypeKind::BoolType) return tensor.item().toBool();
  return tensor.item().toDouble();
}

}  // namespace

Result<void> TorchRun::Execute(SlipwayRun* run) {
  if (IsCancelled(run)) return Error(Code::kCancelled, "RUN_CANCELLED", "");
  const TorchModel::Parts& model = parts_->model.parts();
  const std::vector<tensor::TensorSpec>& specs = parts_->model.signature().outputs;
  try {
    const c10::InferenceMode no_gradients;
    UseThreads(model.threads);
    const torch::jit::Method method = parts_->module.get_method(model.method);
    const std::vector<c10::Argument>& arguments = method.function().getSchema().arguments();
    std::vector<c10::IValue> values;
    for (size_t i = 0; i < model.positions.size(); ++i) {
      const size_t at = model.positions[i];
      values.push_back(at == TorchModel::Parts::kDefault
                           ? *arguments[i + 1].default_value()
                           : ArgumentOf(run->inputs[at], arguments[i + 1]));
    }
    std::vector<c10::IValue> outputs;
    Flatten(method(std::move(values)), specs, outputs);
    if (outputs.size() != specs.size()) {
      return Internal("RUN_FAILED", "the model gave " + std::to_string(outputs.size()) +
                                        " outputs, its signature states " +
                                        std::to_string(specs.size()));
    }
    for (uint32_t i = 0; i < run->output_count; ++i) {
      SlipwayTensor& out = run->outputs[i];
      TRY_VOID(GiveOutput(outputs[out.index], specs[out.index], out));
    }
  } catch (const std::bad_alloc&) {
    return Error(Code::kInternal, kOutOfMemory, "there is not enough memory for this run");
  } catch (const std::exception& exception) {
    return Internal("RUN_FAILED", "libtorch: " + Words(exception));
  }
  return {};
}

}  // namespace slipway::engine::torch_engine
