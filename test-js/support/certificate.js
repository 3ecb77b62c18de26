'use strict';

// A self-signed certificate for localhost, made anew at each run: nothing that can expire, and no
// private key in the repository. The shape is X.509 version 1 (RFC 5280 §4.1) in DER.

const { generateKeyPairSync, randomBytes, sign } = require('node:crypto');

const DAY = 24 * 60 * 60 * 1000;
// ecdsa-with-SHA256 (RFC 5758 §3.2) and id-at-commonName (RFC 5280, appendix A).
const ECDSA_SHA256 = Buffer.from('06082a8648ce3d040302', 'hex');
const COMMON_NAME = Buffer.from('0603550403', 'hex');

/** `{ key, cert }` in PEM, valid for a day around now. */
function selfSigned() {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const algorithm = sequence(ECDSA_SHA256);
  const name = sequence(der(0x31, sequence(COMMON_NAME, der(0x0c, Buffer.from('localhost')))));
  const body = sequence(
    der(0x02, Buffer.concat([Buffer.from([1]), randomBytes(8)])), // the serial number, positive
    algorithm,
    name,
    sequence(time(Date.now() - DAY), time(Date.now() + DAY)),
    name,
    publicKey.export({ type: 'spki', format: 'der' })
  );
  const signature = Buffer.concat([Buffer.from([0]), sign('sha256', body, privateKey)]);
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
    cert: pem(sequence(body, algorithm, der(0x03, signature)))
  };
}

function sequence(...parts) {
  return der(0x30, Buffer.concat(parts));
}

/** UTCTime: YYMMDDhhmmssZ. */
function time(at) {
  const digits = new Date(at).toISOString().replace(/\D/g, '').slice(2, 14);
  return der(0x17, Buffer.from(`${digits}Z`));
}

function der(tag, content) {
  const { length } = content;
  const size = length < 0x80 ? [length]
    : length < 0x100 ? [0x81, length]
      : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

function pem(bytes) {
  const lines = bytes.toString('base64').match(/.{1,64}/g);
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n');
}

module.exports = { selfSigned };
