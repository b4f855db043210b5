// Package s3 is the Target that keeps recordings in a bucket of AWS S3, or of
// anything that speaks its language (MinIO, Ceph, Google's interoperable API).
// cmd makes one, with the operator's credentials; package upload calls Put, the
// recordings API Get and Delete.
//
// The keys are PREFIX/ and upload.Layout: the audio, and its sidecar beside it.
// Signing and multipart are github.com/minio/minio-go/v7; trying again is the
// queue's business, not the library's.
package s3
