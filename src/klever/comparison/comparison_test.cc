#include "klever/comparison/comparison.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/testing/result_matchers.h"

namespace slipway::klever {
namespace {

TEST(Comparison, ACellIsNeverAFormula) {
  EXPECT_EQ(CsvCell("plain text"), "plain text");
  EXPECT_EQ(CsvCell(""), "");
  for (const std::string_view text : {"=1+1", "+1", "-1", "@SUM(A1)"}) {
    EXPECT_EQ(CsvCell(text), "'" + std::string(text));
  }
  EXPECT_EQ(CsvCell("\t=1"), "'\t=1");
  EXPECT_EQ(CsvCell("=\"a\",b"), "\"'=\"\"a\"\",b\"");
}

TEST(Comparison, ACellIsQuotedWhereItMustBe) {
  EXPECT_EQ(CsvCell("a,b"), "\"a,b\"");
  EXPECT_EQ(CsvCell("a\"b"), "\"a\"\"b\"");
  EXPECT_EQ(CsvCell("a\r\nb"), "\"a\r\nb\"");
}

TEST(Comparison, ATableHasAColumnForEachModel) {
  const std::vector<Compared> models = {
      {.path = "p/a:1",
       .metadata = {{"author", "ada"},
                    {"framework", "PyTorch"},
                    {"format", "ONNX"},
                    {"signature", {{"inputs", Json::array({{{"name", "x"}}})}}}}},
      {.path = "p/b:1", .metadata = {{"author", 7}, {"signature", "none"}}}};
  EXPECT_EQ(ComparisonCsv(models),
            "\xEF\xBB\xBF"
            "Basic Info,,\r\n"
            "Model Name,p/a:1,p/b:1\r\n"
            "Model Source,ada,\r\n"
            "Model Framework,PyTorch,\r\n"
            "Model Format,ONNX,\r\n"
            "Model Inputs,\"[{\"\"name\"\":\"\"x\"\"}]\",\r\n"
            "Model Outputs,,\r\n");
}

TEST(Comparison, APageIsWithinTheList) {
  const auto whole = PageOf(3, std::nullopt, std::nullopt);
  ASSERT_THAT(whole, IsOk());
  EXPECT_EQ(whole->first, 0U);
  EXPECT_EQ(whole->last, 3U);
  const auto middle = PageOf(3, "1", "1");
  EXPECT_EQ(middle->first, 1U);
  EXPECT_EQ(middle->last, 2U);
  const auto behind = PageOf(3, "18446744073709551615", "18446744073709551615");
  EXPECT_EQ(behind->first, 3U);
  EXPECT_EQ(behind->last, 3U);
  for (const char* text : {"-1", "x", "", "1.5", "99999999999999999999"}) {
    EXPECT_EQ(PageOf(3, text, std::nullopt).error().detail("field"), "start") << text;
    EXPECT_EQ(PageOf(3, std::nullopt, text).error().detail("field"), "limit") << text;
  }
}

}  // namespace
}  // namespace slipway::klever
