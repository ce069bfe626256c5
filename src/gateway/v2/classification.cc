#include "gateway/v2/classification.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <type_traits>
#include <vector>

#include <fmt/format.h>

#include "gateway/limits.h"
#include "tensor/float16.h"

namespace slipway::gateway::v2 {
namespace {

using tensor::DataType;
using tensor::Shape;
using tensor::Tensor;

// The values of one row, as numbers that compare and print.
template <class T, auto Convert>
struct Values {
  const T* row;
  auto operator[](uint64_t at) const { return Convert(row[at]); }
};

template <class T>
T Same(T value) {
  return value;
}

template <class Number>
std::string Text(Number number) {
  // With six decimals, as Triton writes them.
  if constexpr (std::is_floating_point_v<Number>) return fmt::format("{:f}", number);
  return fmt::format("{}", +number);
}

// Whether `left` ranks before `right`: larger values first, what is no number last.
template <class Number>
bool IsLarger(Number left, Number right) {
  if constexpr (std::is_floating_point_v<Number>) {
    if (std::isnan(left) || std::isnan(right)) return !std::isnan(left);
  }
  return left > right;
}

// One pass over the row with a heap of the best so far, the worst of them on top.
template <class Row>
void RankRow(Row row, uint64_t width, uint64_t classes, std::vector<uint64_t>& best, Tensor& out) {
  const auto before = [&](uint64_t a, uint64_t b) {
    if (IsLarger(row[a], row[b])) return true;
    return !IsLarger(row[b], row[a]) && a < b;
  };
  best.resize(classes);
  std::iota(best.begin(), best.end(), 0);
  std::make_heap(best.begin(), best.end(), before);
  for (uint64_t i = classes; i < width; ++i) {
    if (!before(i, best.front())) continue;
    std::pop_heap(best.begin(), best.end(), before);
    best.back() = i;
    std::push_heap(best.begin(), best.end(), before);
  }
  std::sort_heap(best.begin(), best.end(), before);
  for (const uint64_t at : best) out.AppendString(Text(row[at]) + ":" + std::to_string(at));
}

template <class T, auto Convert>
void Rank(const Tensor& values, uint64_t rows, uint64_t classes, Tensor& out) {
  const uint64_t width = values.element_count() / rows;
  std::vector<uint64_t> best;
  for (uint64_t i = 0; i < rows; ++i) {
    RankRow(Values<T, Convert>{values.as<const T>().data() + i * width}, width, classes, best, out);
  }
}

Error NotRanked(const std::string& output, const std::string& why) {
  return InvalidArgument("CLASSIFICATION", "output '" + output + "' cannot be classified, for it " +
                                               why + ": leave out the parameter 'classification'");
}

void RankAll(const Tensor& values, uint64_t rows, uint64_t classes, Tensor& out) {
  const auto rank = [&]<class T, auto Convert>() { Rank<T, Convert>(values, rows, classes, out); };
  switch (values.type()) {
    case DataType::kBool:
    case DataType::kUint8:
      return rank.operator()<uint8_t, Same<uint8_t>>();
    case DataType::kUint16:
      return rank.operator()<uint16_t, Same<uint16_t>>();
    case DataType::kUint32:
      return rank.operator()<uint32_t, Same<uint32_t>>();
    case DataType::kUint64:
      return rank.operator()<uint64_t, Same<uint64_t>>();
    case DataType::kInt8:
      return rank.operator()<int8_t, Same<int8_t>>();
    case DataType::kInt16:
      return rank.operator()<int16_t, Same<int16_t>>();
    case DataType::kInt32:
      return rank.operator()<int32_t, Same<int32_t>>();
    case DataType::kInt64:
      return rank.operator()<int64_t, Same<int64_t>>();
    case DataType::kFp16:
      return rank.operator()<uint16_t, tensor::FromFp16>();
    case DataType::kBf16:
      return rank.operator()<uint16_t, tensor::FromBf16>();
    case DataType::kFp32:
      return rank.operator()<float, Same<float>>();
    case DataType::kFp64:
      return rank.operator()<double, Same<double>>();
    case DataType::kBytes:
      return;
  }
}

}  // namespace

Result<void> Classify(const tensor::TensorSpec& spec, const Tensor& values, uint32_t classes,
                      Tensor& out) {
  if (values.type() == DataType::kBytes) return NotRanked(spec.name, "is strings");
  const Shape& shape = values.shape();
  const bool batched = spec.shape.rank() > 0 && spec.shape[0] < 0 && shape.rank() > 0;
  const uint64_t rows = batched ? static_cast<uint64_t>(shape[0]) : 1;
  if (values.element_count() == 0) return NotRanked(spec.name, "has no values");
  const uint64_t taken = std::min<uint64_t>(classes, values.element_count() / rows);
  if (rows > kMaxClassStrings / taken) {
    return InvalidArgument(
        "CLASSIFICATION_LARGE",
        "output '" + spec.name + "' would be " + std::to_string(rows) + " times " +
            std::to_string(taken) + " classes, and at most " + std::to_string(kMaxClassStrings) +
            " are told in one answer: ask for fewer, or take the output as it is");
  }
  const Shape ranked =
      batched ? Shape{shape[0], static_cast<int64_t>(taken)} : Shape{static_cast<int64_t>(taken)};
  TRY_VOID(out.Reset(DataType::kBytes, ranked));
  RankAll(values, rows, taken, out);
  out.SealStrings();
  return {};
}

}  // namespace slipway::gateway::v2
