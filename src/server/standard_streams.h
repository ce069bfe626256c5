// The descriptors 0, 1 and 2, which a caller may have closed.
#pragma once

namespace slipway::server {

// Takes those that are closed, so that no file or socket that is opened later gets one of these
// numbers and is written into by a log line. What is read from or written to them fails with EBADF
// as before. The first thing of a program.
void OccupyStandardDescriptors();

}  // namespace slipway::server
