#include "net/multipart.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "async/testing/run.h"
#include "base/testing/result_matchers.h"
#include "net/limits.h"

namespace slipway::net {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Event = MultipartDecoder::Event;

std::string Part(const std::string& name, const std::string& content,
                 const std::string& more_headers = "") {
  return "--B\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n" + more_headers +
         "\r\n" + content + "\r\n";
}

// What the decoder tells of the body when it comes in pieces of `piece` bytes: "name=content" for
// each part, "end", or the error's reason.
std::vector<std::string> Decode(std::string_view body, size_t piece,
                                const std::string& boundary = "B") {
  MultipartDecoder decoder(boundary);
  std::vector<std::string> told;
  size_t begin = 0;
  size_t end = 0;
  while (true) {
    const auto step = decoder.Decode(body.substr(begin, end - begin));
    if (!step) {
      told.emplace_back(step.error().reason());
      return told;
    }
    begin += step->consumed;
    if (step->event == Event::kPart) told.push_back(decoder.head().name + "=");
    if (step->event == Event::kData) told.back() += step->data;
    if (step->event == Event::kPartEnd) told.back() += ".";
    if (step->event == Event::kEnd) told.emplace_back("end");
    if (step->event != Event::kNone || step->consumed > 0) continue;
    if (end == body.size()) return told;
    end = std::min(body.size(), end + piece);
  }
}

TEST(Multipart, IsTheSameHoweverItIsCut) {
  const std::string tricky = "a\r\n--\r\n-B\r\n--C\r\n--";
  const std::string body = Part("model", "{}") + Part("file", tricky) + Part("", "") + "--B--\r\n";
  const std::vector<std::string> whole = Decode(body, body.size());
  EXPECT_THAT(whole, ElementsAre("model={}.", "file=" + tricky + ".", "=.", "end"));
  for (size_t piece = 1; piece < 20; ++piece) EXPECT_EQ(Decode(body, piece), whole) << piece;
}

TEST(Multipart, TakesALineBreakBeforeTheFirstBoundaryAndSpacesBehindOne) {
  EXPECT_THAT(Decode("\r\n--B \t\r\nContent-Disposition: form-data; name=a\r\n\r\nx\r\n--B--", 3),
              ElementsAre("a=x.", "end"));
}

TEST(Multipart, RefusesWhatTwoReadersCouldCutDifferently) {
  const std::string head = "Content-Disposition: form-data; name=\"a\"\r\n";
  for (const std::string& body : std::initializer_list<std::string>{
           "x--B\r\n",                                                   // a preamble
           "--BB\r\n" + head + "\r\n",                                   // another boundary
           "--B\n" + head + "\r\n",                                      // a bare line feed
           "--B\r\nContent-Disposition: form-data; name=\"a\"\n\r\nx",   // the same in a head
           Part("a", "x") + "--B-\r\n",                                  // neither end nor part
           "--B\r\n\r\nx\r\n--B--",                                      // no name
           "--B\r\nContent-Disposition: attachment; name=\"a\"\r\n\r\n"  // no form
       }) {
    for (const size_t piece : {size_t{1}, body.size()}) {
      EXPECT_EQ(Decode(body, piece).back(), "MULTIPART_INVALID") << body;
    }
  }
}

TEST(Multipart, RefusesOddHeads) {
  for (const std::string& header :
       {"Content-Disposition: form-data; name=\"b\"\r\n", "no header\r\n", ": x\r\n", "A: \x01\r\n",
        "Content-Transfer-Encoding: base64\r\n"}) {
    EXPECT_EQ(Decode(Part("a", "x", header), 5).back(), "MULTIPART_INVALID") << header;
  }
  EXPECT_EQ(Decode(Part("a", "x", "A: " + std::string(kMaxPartHeadBytes, 'a') + "\r\n"), 99).back(),
            "MULTIPART_INVALID");
}

TEST(Multipart, HasALimitOfParts) {
  std::string body;
  for (size_t i = 0; i < kMaxParts; ++i) body += Part("a", "x");
  EXPECT_EQ(Decode(body + "--B--", 50).back(), "end");
  EXPECT_EQ(Decode(body + Part("a", "x") + "--B--", 50).back(), "MULTIPART_INVALID");
}

TEST(Multipart, ReadsNamesAndFileNames) {
  MultipartDecoder decoder("B");
  const std::string body =
      "--B\r\ncontent-disposition: FORM-DATA; Name=\"a\\\"b\"; filename=\"C:\\dir\\x.zip\"\r\n"
      "X-Other: 1\r\n\r\n";
  size_t at = 0;
  for (Event event = Event::kNone; event != Event::kPart;) {
    const auto step = decoder.Decode(std::string_view(body).substr(at));
    ASSERT_THAT(step, IsOk());
    at += step->consumed;
    event = step->event;
  }
  EXPECT_EQ(decoder.head().name, "a\"b");
  EXPECT_EQ(decoder.head().filename, "C:\\dir\\x.zip");
  EXPECT_EQ(decoder.head().Header("x-other"), "1");
  EXPECT_EQ(decoder.head().Header("y"), std::nullopt);
}

TEST(Multipart, ReadsTheBoundaryOfATypeOrRefusesIt) {
  EXPECT_EQ(*BoundaryOf("multipart/form-data; boundary=abc"), "abc");
  EXPECT_EQ(*BoundaryOf("Multipart/Form-Data; charset=x; Boundary=\"a b\""), "a b");
  for (const std::string& type :
       {std::string(), std::string("application/json"), std::string("multipart/form-data"),
        std::string("multipart/mixed; boundary=a"), std::string("multipart/form-data; boundary="),
        std::string("multipart/form-data; boundary=\"a \""),
        std::string("multipart/form-data; boundary=\"a\r\n\""),
        std::string("multipart/form-data; boundary=a; boundary=b"),
        "multipart/form-data; boundary=" + std::string(71, 'a')}) {
    const auto boundary = BoundaryOf(type);
    ASSERT_FALSE(boundary) << type;
    EXPECT_EQ(boundary.error().reason(), "MULTIPART_TYPE");
  }
}

class PiecedBody final : public BodyReader {
 public:
  PiecedBody(std::string text, size_t piece) : text_(std::move(text)), piece_(piece) {}
  std::optional<uint64_t> length() const override { return std::nullopt; }
  Task<Result<size_t>> Read(char* out, size_t size) override {
    const size_t count = text_.copy(out, std::min(size, piece_), at_);
    at_ += count;
    co_return count;
  }
  Task<Result<std::string>> ReadAll(uint64_t) override { co_return text_.substr(at_); }
  bool ended() const { return at_ == text_.size(); }

 private:
  const std::string text_;
  const size_t piece_;
  size_t at_ = 0;
};

Task<Result<std::vector<std::string>>> ReadParts(PiecedBody& body, uint64_t limit_bytes) {
  CO_TRY(reader, MultipartReader::Open(body, "multipart/form-data; boundary=B"));
  std::vector<std::string> parts;
  while (true) {
    CO_TRY(part, co_await reader.Next());
    if (!part) co_return parts;
    if (part->name == "skipped") continue;
    CO_TRY(text, co_await reader.ReadAll(limit_bytes));
    parts.push_back(part->name + "=" + text);
  }
}

TEST(MultipartReader, GivesPartsOfAnySizeAndReadsTheBodyToItsEnd) {
  const std::string large(700'000, 'x');
  const std::string text =
      Part("a", large) + Part("skipped", large) + Part("b", "") + "--B--\r\nepilogue";
  for (const size_t piece : {size_t{7}, size_t{1} << 20}) {
    PiecedBody body(text, piece);
    const auto parts = RunSync(ReadParts(body, large.size()));
    ASSERT_THAT(parts, IsOk());
    EXPECT_THAT(*parts, ElementsAre("a=" + large, "b="));
    EXPECT_TRUE(body.ended());
  }
}

TEST(MultipartReader, SaysThatABodyIsCutOrAPartTooLarge) {
  const std::string text = Part("a", "content") + "--B--";
  for (size_t size = 0; size < text.size(); ++size) {
    PiecedBody body(text.substr(0, size), 1000);
    const auto parts = RunSync(ReadParts(body, 100));
    ASSERT_FALSE(parts) << size;
    EXPECT_EQ(parts.error().reason(), "MULTIPART_INVALID");
    EXPECT_THAT(parts.error().message(), HasSubstr("ends before"));
  }
  PiecedBody body(text, 1000);
  EXPECT_EQ(RunSync(ReadParts(body, 6)).error().reason(), "MULTIPART_TOO_LARGE");
}

}  // namespace
}  // namespace slipway::net
