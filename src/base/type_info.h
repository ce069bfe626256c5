// TypeInfo: what describe.cc knows of a type at run time. The templates here only collect names and
// function pointers, so that a described struct costs little to compile.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <boost/describe/bases.hpp>
#include <boost/describe/class.hpp>
#include <boost/describe/enum.hpp>
#include <boost/describe/enumerators.hpp>
#include <boost/describe/members.hpp>
#include <boost/describe/modifiers.hpp>

#include "base/describe.h"

namespace slipway {

enum class TypeKind : uint8_t {
  kBool,
  kInt32,
  kInt64,
  kUint64,
  kDouble,
  kString,
  kJson,
  kEnum,
  kStruct,
  kOptional,
  kList,
  kMap,
};

struct TypeInfo;
// Types name each other through functions, so that a type may contain lists of itself.
using TypeFunction = const TypeInfo& (*)();

struct FieldInfo {
  std::string json_name;    // "maxBatchSize"
  std::string_view member;  // "max_batch_size"
  TypeFunction type = nullptr;
  void* (*access)(void* object) = nullptr;  // the member of an object of the struct
  FieldText text;  // empty but for the name where the struct has no Description
};

struct EnumValue {
  std::string json_name;
  int64_t value = 0;
};

// Only the members of its kind are set. Immutable, lives for ever.
struct TypeInfo {
  TypeKind kind = TypeKind::kBool;
  std::string name;  // "ServiceSpec"; of other kinds than struct and enum: "string", "list", ...
  std::string_view text;

  // kStruct: fields with those of base classes first; a new object with the defaults.
  std::vector<FieldInfo> fields;
  void* (*make)() = nullptr;
  void (*destroy)(void* object) = nullptr;

  // kEnum
  std::vector<EnumValue> values;
  int64_t (*get_enum)(const void* object) = nullptr;
  void (*set_enum)(void* object, int64_t value) = nullptr;

  // kOptional, kList, kMap. `add` makes the value (an optional's, a list's next, a map's of that
  // key) and returns it; `visit` calls back for each value in order, with its key in maps.
  TypeFunction element = nullptr;
  void (*clear)(void* object) = nullptr;
  void* (*add)(void* object, const std::string& key) = nullptr;
  size_t (*size)(const void* object) = nullptr;
  void (*visit)(const void* object, void* state,
                void (*each)(void* state, const std::string& key, const void* value)) = nullptr;

  // nullptr if there is none of that JSON name.
  const FieldInfo* Field(std::string_view json_name) const;
};

// "maxBatchSize" of "max_batch_size".
std::string JsonNameOfMember(std::string_view member);

namespace describe_internal {

// kStruct for whatever is no container.
template <class T>
inline constexpr TypeKind kContainerOf = TypeKind::kStruct;
template <class T>
inline constexpr TypeKind kContainerOf<std::optional<T>> = TypeKind::kOptional;
template <class T>
inline constexpr TypeKind kContainerOf<std::vector<T>> = TypeKind::kList;
template <class T>
inline constexpr TypeKind kContainerOf<std::map<std::string, T>> = TypeKind::kMap;

struct FieldSource {
  const char* member;
  TypeFunction type;
  void* (*access)(void*);
};
struct EnumSource {
  const char* name;
  int64_t value;
};
using FieldTexts = std::span<const FieldText>;

// Non-template ends, in type_info.cc. `signature` is a __PRETTY_FUNCTION__ that ends in the type's
// name. They CHECK that every FieldText names a member and a known format.
TypeInfo* MakeScalar(TypeKind kind, std::string_view name);
TypeInfo* MakeContainer(TypeKind kind, TypeFunction element);
TypeInfo* MakeEnum(std::string_view signature, std::string_view text, bool pascal_case,
                   std::span<const EnumSource> values);
TypeInfo* MakeStruct(std::string_view signature, std::string_view text,
                     std::span<const FieldSource> fields, std::span<const FieldTexts> texts);

template <class T>
constexpr std::string_view TextOf() {
  if constexpr (requires { Description<T>::kText; }) {
    return Description<T>::kText;
  } else {
    return {};
  }
}

template <class T>
constexpr FieldTexts FieldTextsOf() {
  if constexpr (requires { Description<T>::kFields; }) {
    return Description<T>::kFields;
  } else {
    return {};
  }
}

template <class T, class Descriptor>
using MemberOf = std::remove_reference_t<decltype(std::declval<T&>().*Descriptor::pointer)>;

template <class T, class Descriptor>
void* Access(void* object) {
  return &(static_cast<T*>(object)->*Descriptor::pointer);
}

template <class T, template <class...> class List, class... Member, class... Base>
TypeInfo* Struct(List<Member...>, List<Base...>) {
  static constexpr FieldSource kSources[] = {
      {Member::name, &TypeOf<MemberOf<T, Member>>, &Access<T, Member>}...};
  const FieldTexts texts[] = {FieldTextsOf<T>(), FieldTextsOf<typename Base::type>()...};
  TypeInfo* info = MakeStruct(__PRETTY_FUNCTION__, TextOf<T>(), kSources, texts);
  info->make = []() -> void* { return new T{}; };
  info->destroy = [](void* object) { delete static_cast<T*>(object); };
  return info;
}

template <class T, template <class...> class List, class... Value>
TypeInfo* Enum(List<Value...>) {
  static constexpr EnumSource kSources[] = {{Value::name, static_cast<int64_t>(Value::value)}...};
  constexpr bool pascal_case = requires { requires Description<T>::kPascalCase; };
  TypeInfo* info = MakeEnum(__PRETTY_FUNCTION__, TextOf<T>(), pascal_case, kSources);
  info->get_enum = [](const void* object) {
    return static_cast<int64_t>(*static_cast<const T*>(object));
  };
  info->set_enum = [](void* object, int64_t value) {
    *static_cast<T*>(object) = static_cast<T>(value);
  };
  return info;
}

template <class T>
TypeInfo* Container(TypeKind kind, TypeFunction element) {
  TypeInfo* info = MakeContainer(kind, element);
  if constexpr (kContainerOf<T> == TypeKind::kOptional) {
    info->clear = [](void* object) { static_cast<T*>(object)->reset(); };
    info->size = [](const void* object) -> size_t {
      return static_cast<const T*>(object)->has_value() ? 1 : 0;
    };
  } else {
    info->clear = [](void* object) { static_cast<T*>(object)->clear(); };
    info->size = [](const void* object) { return static_cast<const T*>(object)->size(); };
  }
  info->add = [](void* object, [[maybe_unused]] const std::string& key) -> void* {
    if constexpr (kContainerOf<T> == TypeKind::kMap) {
      return &(*static_cast<T*>(object))[key];
    } else if constexpr (kContainerOf<T> == TypeKind::kList) {
      return &static_cast<T*>(object)->emplace_back();
    } else {
      return &static_cast<T*>(object)->emplace();
    }
  };
  info->visit = [](const void* object, void* state, auto each) {
    const T& container = *static_cast<const T*>(object);
    if constexpr (kContainerOf<T> == TypeKind::kMap) {
      for (const auto& [key, value] : container) each(state, key, &value);
    } else if constexpr (kContainerOf<T> == TypeKind::kList) {
      for (const auto& value : container) each(state, std::string(), &value);
    } else if (container.has_value()) {
      each(state, std::string(), &*container);
    }
  };
  return info;
}

template <class T>
TypeInfo* Make() {
  namespace describe = boost::describe;
  if constexpr (std::is_same_v<T, bool>) {
    return MakeScalar(TypeKind::kBool, "bool");
  } else if constexpr (std::is_same_v<T, int32_t>) {
    return MakeScalar(TypeKind::kInt32, "int32");
  } else if constexpr (std::is_same_v<T, int64_t>) {
    return MakeScalar(TypeKind::kInt64, "int64");
  } else if constexpr (std::is_same_v<T, uint64_t>) {
    return MakeScalar(TypeKind::kUint64, "uint64");
  } else if constexpr (std::is_same_v<T, double>) {
    return MakeScalar(TypeKind::kDouble, "double");
  } else if constexpr (std::is_same_v<T, std::string>) {
    return MakeScalar(TypeKind::kString, "string");
  } else if constexpr (std::is_same_v<T, Json>) {
    return MakeScalar(TypeKind::kJson, "any");
  } else if constexpr (kContainerOf<T> == TypeKind::kOptional) {
    return Container<T>(TypeKind::kOptional, &TypeOf<typename T::value_type>);
  } else if constexpr (kContainerOf<T> == TypeKind::kList) {
    static_assert(!std::is_same_v<T, std::vector<bool>>, "std::vector<bool> has no elements");
    return Container<T>(TypeKind::kList, &TypeOf<typename T::value_type>);
  } else if constexpr (kContainerOf<T> == TypeKind::kMap) {
    return Container<T>(TypeKind::kMap, &TypeOf<typename T::mapped_type>);
  } else if constexpr (std::is_enum_v<T>) {
    return Enum<T>(describe::describe_enumerators<T>());
  } else {
    return Struct<T>(
        describe::describe_members<T, describe::mod_any_access | describe::mod_inherited>(),
        describe::describe_bases<T, describe::mod_any_access>());
  }
}

}  // namespace describe_internal

template <class T>
const TypeInfo& TypeOf() {
  static const TypeInfo& info = *describe_internal::Make<T>();
  return info;
}

}  // namespace slipway
