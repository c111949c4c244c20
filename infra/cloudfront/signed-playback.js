// CloudFront function (runtime cloudfront-js-2.0, viewer request) for a distribution in front of the bucket: objects are given
// to those whose URL the playlist service has signed, until it ends. Set SECRET to SEGUE_CDN_SECRET of the playlist service.
//
// Associate it with the viewer request of origin-failover.yaml's default behavior, and give the origin `playlists` the custom
// header `x-segue-cdn` with the same secret, so that what the bucket has lost is had from the service, and by nobody else.
// HEAD passes: the service looks with it whether an object is there, and it gives nothing.

const crypto = require('crypto');

const SECRET = 'the value of SEGUE_CDN_SECRET';

// Every name of an object, and nothing that an origin could resolve to one of another render: no dot segment, nothing escaped.
const objectName = /^(\/renders\/[\w-]+\/)(?:[\w-]+\/)?[\w-][\w.-]*$/;

function isSame(one, other) {
  if (one.length !== other.length) return false;
  let difference = 0;
  for (let at = 0; at < one.length; at += 1) difference |= one.charCodeAt(at) ^ other.charCodeAt(at);
  return difference === 0;
}

function handler(event) {
  const request = event.request;
  if (request.method === 'HEAD' || request.method === 'OPTIONS') return request;
  const expiry = request.querystring.e ? request.querystring.e.value : '';
  const signature = request.querystring.s ? request.querystring.s.value : '';
  const path = objectName.exec(request.uri);
  const refused = {
    statusCode: 403,
    statusDescription: 'Forbidden',
    headers: { 'cache-control': { value: 'no-store' } },
  };
  if (path === null || !/^\d{1,12}$/.test(expiry) || Number(expiry) * 1000 < Date.now()) return refused;
  const expected = crypto.createHmac('sha256', SECRET).update(`${expiry}\n${path[1]}`).digest('base64url');
  if (!isSame(signature, expected)) return refused;
  // Not part of the cache key: everybody gets the same object.
  delete request.querystring.e;
  delete request.querystring.s;
  return request;
}
