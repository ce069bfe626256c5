#include "model/metadata/model_pack_config.h"

#include <algorithm>

namespace slipway::model {
namespace {

// One member of the config and the text of Metadata that it is.
struct TextField {
  const char* name;
  std::string Metadata::* member;
};

constexpr TextField kDescriptorTexts[] = {
    {"createdAt", &Metadata::created_at},    {"vendor", &Metadata::vendor},
    {"family", &Metadata::family},           {"name", &Metadata::name},
    {"version", &Metadata::version},         {"title", &Metadata::title},
    {"description", &Metadata::description}, {"docURL", &Metadata::doc_url},
    {"sourceURL", &Metadata::source_url},    {"revision", &Metadata::revision},
};

constexpr TextField kConfigTexts[] = {
    {"architecture", &Metadata::architecture}, {"format", &Metadata::format},
    {"paramSize", &Metadata::param_size},      {"precision", &Metadata::precision},
    {"quantization", &Metadata::quantization},
};

template <size_t kCount>
Json WriteTexts(const TextField (&fields)[kCount], const Metadata& metadata) {
  Json json = Json::object();
  for (const TextField& field : fields) {
    if (const std::string& text = metadata.*field.member; !text.empty()) json[field.name] = text;
  }
  return json;
}

// The member if it has this type, else nothing.
const Json* Member(const Json& json, const char* name, Json::value_t type) {
  const auto found = json.find(name);
  return found == json.end() || found->type() != type ? nullptr : &*found;
}

std::vector<std::string> Texts(const Json& json, const char* name) {
  std::vector<std::string> texts;
  const Json* list = Member(json, name, Json::value_t::array);
  if (list == nullptr) return texts;
  for (const Json& item : *list) {
    if (item.is_string()) texts.push_back(item.get<std::string>());
  }
  return texts;
}

template <size_t kCount>
void ReadTexts(const TextField (&fields)[kCount], const Json& json, Metadata& metadata) {
  for (const TextField& field : fields) {
    const Json* text = Member(json, field.name, Json::value_t::string);
    if (text != nullptr) metadata.*field.member = text->get<std::string>();
  }
}

void WriteList(Json& json, const char* name, const std::vector<std::string>& texts) {
  if (!texts.empty()) json[name] = texts;
}

Json WriteCapabilities(const Capabilities& from) {
  Json json = Json::object();
  WriteList(json, "inputTypes", from.input_types);
  WriteList(json, "outputTypes", from.output_types);
  if (!from.knowledge_cutoff.empty()) json["knowledgeCutoff"] = from.knowledge_cutoff;
  if (from.reasoning) json["reasoning"] = *from.reasoning;
  if (from.tool_usage) json["toolUsage"] = *from.tool_usage;
  if (from.reward) json["reward"] = *from.reward;
  WriteList(json, "languages", from.languages);
  return json;
}

std::optional<bool> Flag(const Json& json, const char* name) {
  const Json* flag = Member(json, name, Json::value_t::boolean);
  return flag == nullptr ? std::nullopt : std::optional<bool>(flag->get<bool>());
}

Capabilities ReadCapabilities(const Json& json) {
  Capabilities to;
  to.input_types = Texts(json, "inputTypes");
  to.output_types = Texts(json, "outputTypes");
  const Json* cutoff = Member(json, "knowledgeCutoff", Json::value_t::string);
  if (cutoff != nullptr) to.knowledge_cutoff = cutoff->get<std::string>();
  to.reasoning = Flag(json, "reasoning");
  to.tool_usage = Flag(json, "toolUsage");
  to.reward = Flag(json, "reward");
  to.languages = Texts(json, "languages");
  return to;
}

std::vector<std::string> UrlsOf(const std::vector<DataSet>& datasets) {
  std::vector<std::string> urls;
  for (const DataSet& dataset : datasets) {
    urls.insert(urls.end(), dataset.urls.begin(), dataset.urls.end());
    if (dataset.git && !dataset.git->repository.empty()) urls.push_back(dataset.git->repository);
  }
  return urls;
}

Json Unknown(const Json& config) {
  Json rest = Json::object();
  for (const auto& [key, value] : config.items()) {
    if (key != "descriptor" && key != "config" && key != "modelfs") rest[key] = value;
  }
  return rest;
}

}  // namespace

std::string WriteModelPackConfig(const Metadata& metadata, std::string_view format,
                                 const std::vector<Digest>& diff_ids) {
  Json descriptor = WriteTexts(kDescriptorTexts, metadata);
  WriteList(descriptor, "authors", metadata.authors);
  WriteList(descriptor, "datasetsURL", UrlsOf(metadata.datasets));
  WriteList(descriptor, "licenses", metadata.licenses);
  Json settings = WriteTexts(kConfigTexts, metadata);
  if (metadata.format.empty() && !format.empty()) settings["format"] = format;
  if (metadata.capabilities) settings["capabilities"] = WriteCapabilities(*metadata.capabilities);
  Json digests = Json::array();
  for (const Digest& digest : diff_ids) digests.push_back(digest.text());
  return DumpJson({{"descriptor", std::move(descriptor)},
                   {"config", std::move(settings)},
                   {"modelfs", {{"type", "layers"}, {"diffIds", std::move(digests)}}}});
}

Metadata FromModelPackConfig(const Json& config) {
  Metadata metadata;
  if (!config.is_object()) return metadata;
  if (const Json* descriptor = Member(config, "descriptor", Json::value_t::object)) {
    ReadTexts(kDescriptorTexts, *descriptor, metadata);
    metadata.authors = Texts(*descriptor, "authors");
    metadata.licenses = Texts(*descriptor, "licenses");
    for (std::string& url : Texts(*descriptor, "datasetsURL")) {
      metadata.datasets.emplace_back().urls = {std::move(url)};
    }
  }
  if (const Json* settings = Member(config, "config", Json::value_t::object)) {
    ReadTexts(kConfigTexts, *settings, metadata);
    if (const Json* can = Member(*settings, "capabilities", Json::value_t::object)) {
      metadata.capabilities = ReadCapabilities(*can);
    }
  }
  if (Json rest = Unknown(config); !rest.empty()) {
    metadata.extensions["modelpack"] = std::move(rest);
  }
  return metadata;
}

}  // namespace slipway::model
