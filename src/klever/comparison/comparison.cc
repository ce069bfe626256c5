#include "klever/comparison/comparison.h"

#include <algorithm>
#include <charconv>
#include <functional>

#include <nlohmann/json.hpp>

namespace slipway::klever {
namespace {

Result<std::optional<uint64_t>> Number(std::string_view name,
                                       const std::optional<std::string>& text) {
  if (!text) return std::optional<uint64_t>();
  uint64_t number = 0;
  const char* end = text->data() + text->size();
  const auto [at, error] = std::from_chars(text->data(), end, number);
  if (error == std::errc() && at == end && !text->empty()) return std::optional(number);
  return Error(Code::kInvalidArgument, "PAGE_INVALID",
               std::string(name) + " must be a whole number from 0 on.",
               {{"field", std::string(name)}});
}

std::string Text(const Json& metadata, const char* member) {
  const auto found = metadata.find(member);
  return found != metadata.end() && found->is_string() ? found->get<std::string>() : "";
}

std::string Tensors(const Json& metadata, const char* member) {
  const auto signature = metadata.find("signature");
  if (signature == metadata.end() || !signature->is_object()) return {};
  const auto tensors = signature->find(member);
  if (tensors == signature->end() || tensors->empty()) return {};
  return DumpJson(*tensors);
}

void AddRow(std::string& csv, std::string_view title, const std::vector<Compared>& models,
            const std::function<std::string(const Compared&)>& value) {
  csv += CsvCell(title);
  for (const Compared& model : models) csv += "," + CsvCell(value(model));
  csv += "\r\n";
}

}  // namespace

Result<Page> PageOf(size_t count, const std::optional<std::string>& start,
                    const std::optional<std::string>& limit) {
  TRY(first, Number("start", start));
  TRY(size, Number("limit", limit));
  Page page{.first = static_cast<size_t>(std::min<uint64_t>(first.value_or(0), count)),
            .last = count};
  if (size)
    page.last = page.first + static_cast<size_t>(std::min<uint64_t>(*size, count - page.first));
  return page;
}

std::string CsvCell(std::string_view text) {
  std::string cell;
  constexpr std::string_view kFormulas = "=+-@\t\r\n";
  if (!text.empty() && kFormulas.find(text.front()) != std::string_view::npos) cell = "'";
  cell += text;
  if (cell.find_first_of(",\"\r\n") == std::string::npos) return cell;
  std::string quoted = "\"";
  for (const char c : cell) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

std::string ComparisonCsv(const std::vector<Compared>& models) {
  std::string csv = "\xEF\xBB\xBF";
  AddRow(csv, "Basic Info", models, [](const Compared&) { return std::string(); });
  AddRow(csv, "Model Name", models, [](const Compared& model) { return model.path; });
  AddRow(csv, "Model Source", models,
         [](const Compared& model) { return Text(model.metadata, "author"); });
  AddRow(csv, "Model Framework", models,
         [](const Compared& model) { return Text(model.metadata, "framework"); });
  AddRow(csv, "Model Format", models,
         [](const Compared& model) { return Text(model.metadata, "format"); });
  AddRow(csv, "Model Inputs", models,
         [](const Compared& model) { return Tensors(model.metadata, "inputs"); });
  AddRow(csv, "Model Outputs", models,
         [](const Compared& model) { return Tensors(model.metadata, "outputs"); });
  return csv;
}

}  // namespace slipway::klever
