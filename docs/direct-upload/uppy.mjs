import "@uppy/core/css/style.min.css";
import "@uppy/dashboard/css/style.min.css";

export { default as AwsS3 } from "@uppy/aws-s3";
export { Uppy } from "@uppy/core";
export { default as Dashboard } from "@uppy/dashboard";
