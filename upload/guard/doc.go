// Package guard decides where tenants' urls may lead. cmd makes one Guard from
// --allow-target. The doors ask it when a url is stored, upload/httpput again
// when a request goes out and on the address that is dialled, upload/s3 and
// upload/folder before they store anything under a tenant's url.
//
// Denied unless listed: every address that is not of the public internet, also
// inside IPv6 forms that lead to one; s3: and file: altogether. The addresses at
// which clouds hand out credentials are denied whatever is listed.
package guard
