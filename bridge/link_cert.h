/* link_cert.h - who we say we are: the certificate a broker may want of us. */
#ifndef BRIDGE_LINK_CERT_H
#define BRIDGE_LINK_CERT_H

/* What is wrong with these files, for a person; NULL: nothing. The library would only say that TLS has
 * failed, or have OpenSSL ask the terminal for a password. */
const char *cert_trouble(const char *cert_file, const char *key_file);

#endif
