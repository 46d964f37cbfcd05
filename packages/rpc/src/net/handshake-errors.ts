/** On which side of a handshake somebody stands. */
export type Side = 'server' | 'client';

const notTls = /WRONG_VERSION_NUMBER|HTTP_REQUEST|HTTPS_PROXY_REQUEST|PACKET_LENGTH_TOO_LONG|BAD_RECORD_TYPE/;
const nothingShared =
  /NO_SHARED_CIPHER|UNSUPPORTED_PROTOCOL|NO_PROTOCOLS_AVAILABLE|NO_CIPHERS_AVAILABLE|PROTOCOL_VERSION|HANDSHAKE_FAILURE|INSUFFICIENT_SECURITY|NO_SUITABLE/;
const notTrusted = /UNKNOWN_CA|CERTIFICATE_UNKNOWN|BAD_CERTIFICATE|CERTIFICATE_EXPIRED|CERTIFICATE_REVOKED/;
const unknownIssuer = /SELF_SIGNED|UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER|CERT_UNTRUSTED/;

/** What went wrong with a handshake, and what to do about it; without an error the peer has closed the connection. */
export function explainHandshake(side: Side, cause: Error | undefined): Error {
  const code = (cause as NodeJS.ErrnoException | undefined)?.code ?? '';
  const advice = side === 'server' ? toServers(code) : toClients(code);
  if (cause !== undefined && advice === undefined && !/^(ERR_SSL|E[A-Z]+$)/.test(code)) return cause;
  const what = cause === undefined || code === 'ECONNRESET' ? 'the peer has closed the connection' : code;
  return new Error(advice ?? `The TLS handshake has failed: ${what}.`, { cause });
}

function toServers(code: string): string | undefined {
  if (notTls.test(code)) return 'The client does not speak TLS: set ssl = true on its side, or ssl = false here.';
  if (notTrusted.test(code))
    return `The client does not trust the certificate of this server (${code}): it needs the issuer in its trust store.`;
  return sharesNothing(code);
}

function toClients(code: string): string | undefined {
  if (notTls.test(code))
    return 'The server does not speak TLS: set ssl = true on its side, or ssl = false here; or it compresses, and this side does not.';
  if (unknownIssuer.test(code))
    return `The trust store does not vouch for the certificate of the server (${code}): add the certificate of its issuer to the truststore.`;
  if (code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID')
    return `A certificate of the server is not valid now (${code}): give the server a new one, or look at the clocks.`;
  return sharesNothing(code);
}

function sharesNothing(code: string): string | undefined {
  return nothingShared.test(code)
    ? `The two sides share no TLS protocol or no cipher suite (${code}): look at include-protocols, exclude-protocols, include-cipher-suites and exclude-cipher-suites of both.`
    : undefined;
}
