"""Các câu tiếng Việt về dự đoán: ghi bảng, và những hàng cần người xem lại."""

SENTENCES: dict[str, str] = {
    # data/write.py
    "data_write_exists": "{path} đã tồn tại và được giữ nguyên. Hãy chọn tên khác, hoặc xóa tệp đó.",
    "data_write_format": "{path}: không ghi được tệp '{suffix}'. Hãy chọn tên có đuôi là một trong {endings}.",
    "data_write_refused": "{path}: không ghi được ({reason}). Hãy chọn thư mục mà bạn có quyền ghi.",
    "data_write_nul": (
        "{path}: hàng {row}, cột '{column}': chứa ký tự NUL mà CSV và TSV không lưu được. Hãy ghi ra .jsonl."
    ),
    "data_write_kind": (
        "{path}: hàng {row}, cột '{column}': chứa {kind} mà định dạng này không lưu được. "
        "Hãy ghi ra .parquet, hoặc bỏ cột đó."
    ),
    "data_write_long": (
        "{path}: hàng {row}, cột '{column}': văn bản dài {length:,} ký tự, mà một ô Excel chỉ chứa {most:,}. "
        "Không cắt bớt gì cả; hãy ghi ra .csv, .jsonl hoặc .parquet."
    ),
    "data_write_rows": (
        "{path}: có hơn {most:,} hàng, là số hàng tối đa của một trang Excel dưới hàng tiêu đề. "
        "Hãy ghi ra .csv hoặc .parquet, hoặc chia nhỏ dữ liệu."
    ),
    "data_write_columns": (
        "{path}: có {count:,} cột, mà một trang Excel chỉ chứa {most:,}. Hãy ghi ra .csv hoặc .parquet."
    ),
    "data_write_mixed": (
        "{path}: cột '{column}' không thể có chung một kiểu như Parquet yêu cầu (hàng {row} đến {last}: {reason}). "
        "Hãy ghi ra .jsonl, hoặc sửa các giá trị cho cùng kiểu."
    ),
    "data_write_parquet": (
        "{path}: Parquet cần pyarrow nhưng gói này chưa được cài. Hãy chạy: pip install 'fewtune[files]'; hoặc ghi ra .csv"
    ),
    # predict: các hàng từ đâu đến và đi đâu
    "predict_rows_written": "Đã ghi {rows:,} hàng vào {out}.",
    "predict_formulas": (
        "cột '{column}': {count:,} công thức chưa từng được chương trình ghi tệp tính ra, nên sẽ thành ô trống. "
        "Để giữ giá trị, hãy mở tệp bằng Excel, lưu lại rồi chạy lần nữa."
    ),
    "predict_no_confidence": (
        "{option}: mô hình của bài toán '{task}' không cho biết xác suất của cả câu trả lời, nên không có độ tin cậy. "
        "Hãy bỏ tùy chọn này."
    ),
    "predict_standard_input": "đầu vào chuẩn",
    "predict_line_not_utf8": (
        "đầu vào chuẩn: dòng {line} không phải UTF-8 (byte {byte}). Hãy chuyển mã, hoặc lưu thành tệp và nêu bảng mã của nó."
    ),
    # predict: những hàng cần xem lại
    "review_found": "{review:,} trong {rows:,} hàng cần người xem lại (needs_review: độ tin cậy dưới {cut_off:g}).",
    "review_accuracy": (
        "{cut_off:g} là ngưỡng thấp nhất còn giữ được mức {accuracy:g}: trong các hàng thẩm định từ đó trở lên, {right:,} trên "
        "{kept:,} hàng đúng (tổng cộng {rows:,} hàng), và vẫn đủ dù hàng kế tiếp có sai."
    ),
    "review_below": "{cut_off:g} là ngưỡng được yêu cầu bằng --review-below.",
    "review_everything": (
        "Mọi hàng đều cần xem lại: không ngưỡng nào đạt {accuracy:g} trên {rows:,} hàng thẩm định (cần ít nhất {fewest:,} hàng "
        "từ ngưỡng trở lên và tất cả đều đúng). Hãy yêu cầu thấp hơn bằng --review-accuracy, tự chọn ngưỡng bằng "
        "--review-below, hoặc huấn luyện với nhiều hàng thẩm định hơn."
    ),
    "review_test": (
        "Trên các hàng kiểm tra, vốn không tham gia chọn ngưỡng: {kept:,} trong {rows:,} hàng không cần xem lại, và đúng "
        "{right:,} trong số đó, tức {value:.1%} ({low:.1%} đến {high:.1%})."
    ),
    "review_test_none": (
        "Trên các hàng kiểm tra, vốn không tham gia chọn ngưỡng: không hàng nào trong {rows:,} hàng đạt ngưỡng, nên chưa biết gì về nó."
    ),
    "review_missed": "Kết quả này thấp hơn mức {accuracy:g} được yêu cầu, vượt quá sai số ngẫu nhiên: đừng dựa vào ngưỡng này.",
    "review_unknown": (
        "{folder}: không có validation_predictions.jsonl, là tệp dùng để tìm ngưỡng của needs_review. "
        "Hãy cho ngưỡng bằng --review-below, hoặc huấn luyện lại."
    ),
}
