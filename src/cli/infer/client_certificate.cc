#include "cli/infer/client_certificate.h"

namespace slipway::cli {

void AddCertificateOptions(Command& command, Client& client) {
  command.Option(&client.options().cert_file, "--cert", "FILE",
                 "Client certificate (PEM), for a data plane that wants one (the context's)");
  command.Option(&client.options().key_file, "--key", "FILE", "Its key (in the file of --cert)");
}

}  // namespace slipway::cli
